"""`./run.sh report`: from the shipped results, from a few runs, and with missing or invalid input."""

import json
import re
import shutil

import numpy as np
import pytest

from experiments.homework import report
from experiments.homework.parts import PARTS
from experiments.homework.results import gather_named
from gan_jax.errors import UserError
from gan_jax.reports.html import render, table_rows
from gan_jax.reports.page_model import Page
from gan_jax.runs.run_dir import RunDir
from tests.helpers.command import contents
from tests.helpers.shipped import RESULTS, copy_of_part_a, make_page_of

LARGEST = 8_500_000  # bytes of the page of the shipped results


@pytest.fixture(scope="module")
def shipped() -> Page:
    return make_page_of(RESULTS)


def test_all_shipped_results_are_shown(shipped):
    assert [section.title for section in shipped.parts] == list(PARTS)
    assert not any(section.missing for section in [*shipped.parts, *shipped.experiments])
    assert [section.title for section in shipped.others] == [
        "part_a-bfloat16",
        "part_best",
        "stacked_mnist",
        "torch-part_a",
    ]
    for section in shipped.parts:
        part = PARTS[section.id]
        assert (section.question, section.claim, section.expected) == (part.question, part.claim, part.measured)
        assert section.samples is not None
        assert {1, 50, 100} <= set(section.samples.epochs)
        assert section.reason is not None
        assert section.reason.charts or section.reason.bars
        assert section.comparison
        assert bool(section.beside) == (part.baseline is not None)
        made = section.provenance[0].facts
        assert all(made[name] != "not recorded" for name in ("command", "commit", "machine", "versions", "data"))
        assert re.fullmatch("[0-9a-f]{64}", made["final parameters"])
    assert [experiment.id for experiment in shipped.experiments] == ["saturation", "ridge", "change_of_variables"]


def test_metrics_shown_are_those_of_metrics_csv(shipped):
    frechet = RunDir(RESULTS / "part_c4").read_metrics()["frechet"]
    section = next(section for section in shipped.parts if section.id == "part_c4")
    rows = {row[0]: row[1:] for row in section.tables[0].rows}
    assert rows["run"] == ("part_a", "part_c4")
    assert rows["Fréchet"][1] == f"{frechet[-1]:.1f}"
    chart = next(chart for chart in section.comparison if "Fréchet" in chart.title)
    assert chart.lines[1].values[-1] == pytest.approx(frechet[-1], rel=1e-4)


def test_a_single_run_is_shown_against_the_spread_of_its_baseline(shipped):
    section = next(section for section in shipped.parts if section.id == "part_c1")
    rows = {row[0]: row[1:] for row in section.tables[0].rows}
    assert rows["seeds"] == ("3", "1")
    assert "±" in rows["Fréchet"][0]
    assert "±" not in rows["Fréchet"][1]
    assert "part_a (seed 0)" in section.reason.text[1]


def test_collapse_is_reported_where_it_happened(shipped):
    warned = {section.id: " ".join(section.warnings) for section in shipped.parts}
    assert "D rejects nearly every sample" in warned["part_b"]
    assert "one digit dominates: 1 makes up 97 %" in warned["part_c4"]
    assert warned["part_a"] == ""


def test_reasons_quote_the_metrics(shipped):
    reasons = {section.id: " ".join(section.reason.text) for section in shipped.parts}
    assert "G no longer learns" in reasons["part_b"]
    assert "Of its samples 97 % (22 %) are the digit 1, and 2 (10) of ten" in reasons["part_c4"]
    assert "D took 4 times as many steps" in reasons["part_c4"]
    assert "cannot fall below 0.65" in reasons["part_c5"]


def test_each_step_of_a_derivation_shows_its_checks_measurement(shipped):
    assert "penalised intercept breaks the shift 0.99 \u2265 0.499<" in shipped.experiments[1].derivation
    for experiment in shipped.experiments[1:]:
        record = json.loads((RESULTS / experiment.id / "checks.json").read_text())
        names = {check["name"] for check in record["checks"]}
        linked = set(re.findall(rf'href="#{experiment.id}-(\w+)">✓', experiment.derivation))
        assert linked == names
        assert set(experiment.tables[0].ids) - {""} == {f"{experiment.id}-{name}" for name in names}
        assert experiment.derivation.count("<math") > 40


def test_a_failed_check_is_not_ticked(tmp_path):
    shutil.copytree(RESULTS / "ridge", tmp_path / "ridge")
    path = tmp_path / "ridge" / "checks.json"
    record = json.loads(path.read_text())
    record["checks"][1] |= {"residual": None, "passed": False}
    path.write_text(json.dumps(record))
    [ridge] = make_page_of(tmp_path, whole=False).experiments
    assert ridge.derivation.count("✗") == 1
    assert ridge.text[0] == "20 of 21 checks passed."
    assert "gradient_formula failed" in ridge.warnings[0]


def test_missing_results_have_a_placeholder_with_their_command(tmp_path):
    page = make_page_of(tmp_path)
    assert [section.missing for section in page.parts] == [f"./run.sh {name}" for name in PARTS]
    assert all(experiment.missing == f"./run.sh {experiment.id}" for experiment in page.experiments)
    assert page.overview is None


def test_the_page_of_the_shipped_results(call, tmp_path, monkeypatch):
    """Made when there are no runs in runs/: it is small enough, and no other file is changed."""
    monkeypatch.setattr(report, "DEFAULT_OUT", tmp_path / "runs")
    done = call("report", "--out", tmp_path / "a" / "page.html")
    assert done.returncode == 0, done
    assert "the shipped results" in done.stdout
    text = (tmp_path / "a" / "page.html").read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert f"{len(text.encode()) / 1e6:.1f} MB" in done.stdout


def test_the_page_contains_no_absolute_path(tmp_path):
    copy_of_part_a(tmp_path / "runs" / "part_a", 0, name="part_a", epochs=60)
    shutil.copytree(RESULTS / "part_c5", tmp_path / "runs" / "part_c5")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "config.json").write_text("{")
    found = make_page_of(tmp_path / "runs")
    assert "broken/config.json" in found.made.facts["skipped"]
    part_c5 = next(section for section in found.parts if section.id == "part_c5")
    assert "Not compared with part_a: epochs is 60 in part_a, 100 in part_c5." in part_c5.notes
    assert str(tmp_path) not in render(found)


def test_losses_that_are_not_comparable_are_not_drawn_together(shipped):
    drawn = {section.id: [chart.title for chart in section.comparison] for section in shipped.parts}
    assert "Loss of G" in drawn["part_c4"]
    assert "Loss of G" not in drawn["part_b"]


def test_only_the_named_runs_are_shown(call, tmp_path):
    before = contents(RESULTS)
    done = call("report", RESULTS / "part_b", RESULTS / "ridge", "--out", tmp_path / "page.html")
    assert done.returncode == 0, done
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'id="part_b"' in text
    assert 'id="ridge"' in text
    assert 'id="part_a"' not in text
    assert 'id="saturation"' not in text
    assert contents(RESULTS) == before


def test_text_from_a_manifest_is_escaped(call, tmp_path):
    path = copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    hostile = "<img src=x onerror=hacked=1>"
    manifest = RunDir(path).read_manifest()
    RunDir(path).write_manifest(manifest | {"command": hostile, "git_commit": hostile, "processor": hostile})
    assert call("report", path, "--out", tmp_path / "page.html").returncode == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert hostile not in text
    assert text.count("&lt;img src=x onerror") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nonexistent"], "there is no run nonexistent"),
        ([RESULTS / "bench"], "contains no run"),
        ([RESULTS / "part_a", RESULTS / "part_a"], "given twice"),
        (["--out", "page.txt"], "such as report.html"),
        (["--out", "/proc/nowhere/page.html"], "cannot write"),
    ],
)
def test_mistakes_are_one_line(call, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in arguments else ["--out", tmp_path / "page.html"]
    done = call("report", *arguments, *out)
    assert done.returncode == 2
    assert done.stderr.startswith("run.sh: error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
    assert not contents(tmp_path)


def test_a_damaged_picture_is_reported(tmp_path):
    path = copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    (path / "samples" / "epoch_050.png").write_bytes(np.zeros(100, np.uint8).tobytes())
    with pytest.raises(UserError, match="epoch_050"):
        report.make_page(gather_named([path]), "a test", whole=False)


def test_a_directory_of_runs_may_be_given(call, tmp_path):
    """The shipped results can be shown beside own runs."""
    for name in ("part_b", "ridge"):
        shutil.copytree(RESULTS / name, tmp_path / "mine" / name)
    done = call("report", tmp_path / "mine", RESULTS / "part_a", "--out", tmp_path / "a.html", "--pdf")
    assert done.returncode == 0, done.stderr
    missing = [name for name in PARTS if name not in ("part_a", "part_b")]
    listed = ", ".join([*missing, "saturation", "change_of_variables"])
    assert f"the homework; still missing: {listed}" in done.stdout
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in text for name in ("part_a", "part_b", "ridge"))


def test_an_unwritable_file_is_named_as_the_user_gave_it(call, tmp_path):
    (tmp_path / "homework.zip").mkdir()
    done = call("report", RESULTS / "part_a", "--out", tmp_path / "a.html", "--zip")
    assert done.returncode == 2
    assert "homework.zip: Is a directory" in done.stderr
    assert ".partial" not in done.stderr


def test_the_overview_draws_few_of_many_runs_at_first(shipped):
    for chart in shipped.overview_charts:
        shown = [line.label for line in chart.lines if not line.hidden]
        assert shown in (["part_a", "part_best"], ["stacked_mnist"])
        assert len({(line.color, line.dash_style) for line in chart.lines}) == len(chart.lines)


def test_g_s_slopes_are_shown_before_anything_was_trained(tmp_path):
    [saturation, *_] = make_page_of(tmp_path).experiments
    assert [chart.title for chart in saturation.charts] == ["What a generated image teaches G"]


def test_every_chart_has_titles_of_its_axes_and_rows_with_values(shipped):
    sections = [*shipped.parts, *shipped.others]
    charts = [*shipped.overview_charts, *(chart for each in shipped.experiments for chart in each.charts)]
    for section in sections:
        charts += [*section.charts, *section.comparison, *(section.reason.charts if section.reason else [])]
    assert len(charts) > 80
    for chart in charts:
        assert chart.unit, chart.title
        assert chart.x_title, chart.title
        rows = table_rows(chart)
        measured = [line for line in chart.lines if any(value is not None for value in line.values)]
        assert all(any(line.values[row] is not None for line in measured) for row in rows)
        for line in measured:  # each line's values, and not those of denser ones, chose the rows
            among = [row for row in rows if line.values[row] is not None]
            there = sum(value is not None for value in line.values)
            wanted = 1 if line.values[-1] is None else min(there, 9)  # a shorter run ends within the axis
            assert len(among) >= wanted, (chart.title, line.label)
