"""The homework's PDF of the shipped results, page by page."""

import json
import re

import pytest
from pypdf import PdfReader

from experiments.homework import math_sections, pdf, report
from experiments.homework.derivations import Measured
from experiments.homework.parts import PARTS
from experiments.homework.results import gather
from gan_jax.analysis.run_groups import group_by_seed
from gan_jax.reports import run_sections
from gan_jax.runs.run_dir import RunDir
from tests.helpers.typeset import figure_descriptions, make_pdf, placed_texts, text_of

HOSTILE = '#read("/etc/passwd") *b* $x$ <a> \\'


@pytest.fixture(scope="module")
def shipped() -> PdfReader:
    return make_pdf(report.SHIPPED, HOSTILE)


@pytest.fixture(scope="module")
def words(shipped) -> str:
    return text_of(shipped)


def test_all_sections_are_in_the_order_of_the_homework(words):
    headings = [
        *(f"({part[5]}) {pdf.TITLES[part]}" for part in ("part_a", "part_b")),
        "How fast the gradient vanishes",
        *(f"(c) {number}. {pdf.TITLES[f'part_c{number}']}" for number in range(1, 7)),
        "Question 2. Ridge regression",
        "The closed form",
        "Question 3. The change of variables",
        "(a) The Jacobian",
        "(b) The density of",
        "(c) The inverse",
        "How this was made",
    ]
    places = [words.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "not there yet" not in words
    for part in PARTS.values():
        assert " ".join(part.claim.split()) in words
    assert "Of its samples 97 % (22 %) are the digit 1" in words
    hashes = [RunDir(report.SHIPPED / name).read_manifest()["params_sha256"] for name in PARTS]
    assert all(found in words.replace(" ", "") for found in hashes)


def test_every_part_shows_samples_at_the_homeworks_epochs(shipped, words):
    assert len(re.findall("epoch 1 epoch 50 epoch 100", words)) == len(PARTS)
    drawn = [each.get_object() for page in shipped.pages for each in page["/Resources"].get("/XObject", {}).values()]
    grids = [each for each in drawn if each["/Subtype"] == "/Image" and each["/Width"] == each["/Height"] == 242]
    folders = [RunDir(report.SHIPPED / name) for name in PARTS]
    different = [{folder.read_sample(epoch).tobytes() for epoch in (1, 50, 100)} for folder in folders]
    assert len(grids) == sum(map(len, different))  # part_b's last two are identical


def test_every_figure_has_its_caption(shipped, words):
    captions = [f"{name}: losses, D's output and gradient norms" for name in PARTS]
    captions += [f"part_a against {name}." for name, part in PARTS.items() if part.baseline is not None]
    captions += [f"{name}: samples of seed 0" for name in PARTS]
    captions += [pdf.SATURATION_CAPTION]
    captions += [drawn.caption for figures in math_sections.FIGURES.values() for drawn in figures.values()]
    assert [words.count(caption) for caption in captions] == [1] * (8 + 7 + 8 + 1 + 4)
    descriptions = figure_descriptions(shipped)
    assert sum("images in rows of eight" in each for each in descriptions) == 3 * 8
    assert sum(each.startswith("Three panels of lines") for each in descriptions) == 8
    assert [f"for part_a and {name}" in " ".join(descriptions) for name in list(PARTS)[1:]] == [True] * 7
    assert sum("a line for each frozen G" in each for each in descriptions) == 1
    assert sum("for the digit 1 and the others" in each for each in descriptions) == 1  # of part_c4
    assert sum(each.startswith("Two panels with a line for each loss over D(G(z))") for each in descriptions) == 1
    assert descriptions[-4:] == [drawn.seen for figures in math_sections.FIGURES.values() for drawn in figures.values()]
    assert len(descriptions) == len(set(descriptions)) == 3 * 8 + 8 + 7 + 1 + 1 + 1 + 4
    assert not set(descriptions) & set(captions)
    at_end = "part_c4 makes after epoch 100: the classifier takes 97 % of its samples for the digit 1."
    assert any(each.endswith(at_end) for each in descriptions)


def test_figures_show_comparable_metrics_only(shipped):
    """Losses of different functions are left out; D(x) is shown where D's targets differ."""
    descriptions = {
        name: next(each for each in figure_descriptions(shipped) if f"part_a and {name}" in each)
        for name in list(PARTS)[1:]
    }
    shown = {
        name: [title for title in ("Loss of D", "Loss of G", "D(x)", "D(G(z))") if title in each]
        for name, each in descriptions.items()
    }
    assert shown["part_b"] == ["Loss of D", "D(G(z))"]
    assert shown["part_c4"] == ["Loss of D", "Loss of G", "D(G(z))"]
    assert shown["part_c5"] == ["D(x)", "D(G(z))"]
    assert shown["part_c6"] == ["Loss of G", "D(x)", "D(G(z))"]


def test_signs_of_collapse_are_reported(words):
    lines = [line for group in group_by_seed(gather(report.SHIPPED).runs).values() if group[0].config.name in PARTS
             for line in run_sections.warnings(group)]  # fmt: skip
    words_of = (
        "one shape",
        "no longer learns",
        "rejects nearly every sample",
        "9 of 10",
        "9 of 10",
        "one digit dominates",
        "become worse",
    )
    assert len(lines) == len(words_of)  # of part_b three, of part_c1 and part_c2 one each, of part_c4 two
    assert [line for line, part in zip(lines, words_of, strict=True) if part not in line] == []
    assert [line for line in lines if line not in words] == []


def test_all_text_is_within_the_margins(shipped):
    for page in shipped.pages:
        found = placed_texts(page)
        assert len(found) > 2
        for piece in found:
            assert 60 < piece.x < page.mediabox.right - 60, piece  # margins of 2.2 cm
            assert 20 < piece.y < page.mediabox.top - 20, piece


def test_a_number_and_its_percent_sign_stay_together(shipped):
    text = "".join(page.extract_text() for page in shipped.pages)
    assert "\xa0%" in text
    assert " %" not in text


def test_each_check_is_shown_with_its_bound(words):
    assert "penalised intercept breaks the shift 0.99 \u2265 0.499" in words
    assert "histogram of the sample 3.2 \u2264 6" in words


def test_the_measurement_nearest_the_bound_is_shown():
    def check(name, residual, relation, passed=True):
        return {"name": name, "residual": residual, "relation": relation, "bound": 2.0, "passed": passed}

    checks: list = [
        check("most", 1.0, "<="),
        check("most", 1.5, "<="),
        check("least", 9.0, ">="),
        check("least", 3.0, ">="),
    ]
    checks += [check("nan", None, "<=", False), check("nan", 1.0, "<="), check("failed", 3.0, "<=", False)]
    assert {name: (found.residual, found.passed) for name, found in math_sections.found_by(checks).items()} == {
        "most": (1.5, True), "least": (3.0, True), "nan": (None, False), "failed": (3.0, False),
    }  # fmt: skip
    assert Measured(3.2, "<=", 5.0, True).text() == "3.2 \u2264 5"
    assert Measured(None, ">=", 1e-13, False).text() == "not a number \u2265 1e-13"


def test_the_overview_has_all_metrics_and_explains_them(words):
    overview = words[words.index("one column for each part") : words.index("Question 2.")]
    for title in ("seeds 3 1 1 1 1 1 1 1", "epochs 100", "precision", "recall", "classes 10 1 9 9 10 2 10 10"):
        assert title in overview
    assert "floor" not in overview
    assert "samples" not in overview
    assert "n = 1, a single run" in overview
    assert "D loss: not comparable" in overview
    assert "differences from" not in overview


def test_runs_that_are_left_out_are_named(words):
    line = "Other runs, not shown here: part_a-bfloat16, part_a-bfloat16-seed_1, part_a-bfloat16-seed_2, part_best"
    assert line.replace(" ", "") in words.replace(" ", "")  # a line may wrap within a name


def test_provenance(shipped, words):
    """Samples are the files', not the page's 16 grays; the saturation figure is drawn from its numbers."""
    assert "16 greys" not in words
    assert "source of the samples samples/epoch_*.png" in words
    assert "saturation.png" not in words
    record = json.loads((report.SHIPPED / "saturation" / "saturation.json").read_text())
    first = record["curves"][0]["gradient_norm"]["saturating"][0]
    assert any(f"from {first:.2g} to" in each for each in figure_descriptions(shipped))


def test_the_author_is_shown_as_text(shipped):
    assert shipped.metadata.author == HOSTILE
    assert HOSTILE in " ".join(shipped.pages[0].extract_text().split())
