"""The homework's PDF and the archive of the code, from the shipped results and where something is missing."""

import re
import shutil
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader

from experiments import homework, reporting
from experiments.gathering import gather
from experiments.parts import PARTS
from gan_jax.run_folder import RunFolder

HOSTILE = '#read("/etc/passwd") *b* $x$ <a> \\'


def made(folder: Path, out: Path, author: str | None = None) -> PdfReader:
    homework.write(gather(folder), "a test", out / "homework.pdf", author)
    return PdfReader(out / "homework.pdf")


def text_of(document: PdfReader) -> str:
    """Its words with single spaces, ligatures as letters; without its table of contents, which is the first page."""
    words = " ".join(page.extract_text() for page in document.pages[1:])
    return " ".join(unicodedata.normalize("NFKC", words).split())


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> PdfReader:
    return made(reporting.SHIPPED, tmp_path_factory.mktemp("shipped"), HOSTILE)


@pytest.fixture(scope="module")
def words(shipped) -> str:
    return text_of(shipped)


def test_everything_is_there_in_the_order_of_the_homework(words):
    headings = [
        *(f"({part[5]}) {homework.TITLES[part]}" for part in ("part_a", "part_b")),
        "How fast the gradient vanishes",
        *(f"(c) {number}. {homework.TITLES[f'part_c{number}']}" for number in range(1, 7)),
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
    assert "Of its samples 96 % (there 22 %) are the digit 1" in words
    hashes = [RunFolder(reporting.SHIPPED / name).read_manifest()["params_sha256"] for name in PARTS]
    assert all(found in words.replace(" ", "") for found in hashes)


def test_every_part_has_its_samples_at_the_epochs_of_the_homework(shipped, words):
    assert len(re.findall("epoch 1 epoch 50 epoch 100", words)) == len(PARTS)
    drawn = [each.get_object() for page in shipped.pages for each in page["/Resources"].get("/XObject", {}).values()]
    grids = [each for each in drawn if each["/Subtype"] == "/Image" and each["/Width"] == each["/Height"] == 242]
    folders = [RunFolder(reporting.SHIPPED / name) for name in PARTS]
    different = [{folder.read_sample(epoch).tobytes() for epoch in (1, 50, 100)} for folder in folders]
    assert len(grids) == sum(map(len, different))  # part_b's last two are one and the same


def test_the_author_is_text(shipped):
    assert shipped.metadata.author == HOSTILE
    assert HOSTILE in " ".join(shipped.pages[0].extract_text().split())


def test_the_same_runs_make_the_same_file(tmp_path):
    for name in ("part_a", "ridge"):
        shutil.copytree(reporting.SHIPPED / name, tmp_path / "runs" / name)
    for copy in ("first", "second"):
        made(tmp_path / "runs", tmp_path / copy)
    assert (tmp_path / "first" / "homework.pdf").read_bytes() == (tmp_path / "second" / "homework.pdf").read_bytes()


def test_what_is_missing_says_how_it_is_made(tmp_path):
    shutil.copytree(reporting.SHIPPED / "part_b", tmp_path / "runs" / "part_b")
    text = text_of(made(tmp_path / "runs", tmp_path))
    missing = [name for name in (*PARTS, "saturation", "ridge", "change_of_variables") if name != "part_b"]
    found = re.findall(r"not there yet. \./run\.sh (\w+) makes it", text)
    assert sorted(found) == sorted(missing)
    assert "There is no part_a to compare it with" in text
    assert "checked by" in text  # the derivations are whole without their checks


def test_a_run_that_has_just_begun_and_one_that_cannot_be_shown(tmp_path):
    for name in ("part_a", "part_b"):
        shutil.copytree(reporting.SHIPPED / name, tmp_path / "runs" / name)
    shutil.rmtree(tmp_path / "runs" / "part_b" / "samples")
    folder = RunFolder(tmp_path / "runs" / "part_a")
    folder.write_rows(folder.read_rows()[:1])
    text = text_of(made(tmp_path / "runs", tmp_path))
    assert "part_a is not finished: 1 of 100 epochs" in text
    assert "Passed over:" in text
    assert "holds no" in text  # a long path may break the line within a word
    assert "./run.sh part_b makes it" in text


def test_page_homework_and_code_lie_beside_each_other(call, tmp_path):
    done = call("report", "experiments/results/part_a", "--out", tmp_path / "a.html", "--pdf", "--author", "A", "--zip")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "homework.pdf", "homework.zip"}


@pytest.mark.parametrize(
    "options",
    [("--author", "A"), ("--pdf", "--author", " "), ("--pdf", "--author", "a" * 201), ("--pdf", "--author", "a\nb")],
)
def test_no_author_without_a_title(call, tmp_path, options):
    done = call("report", "--out", tmp_path / "a.html", *options)
    assert done.returncode == 2
    assert "--author" in done.stderr
    assert not list(tmp_path.iterdir())
