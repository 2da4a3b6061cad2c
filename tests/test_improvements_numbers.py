"""The numbers of docs/improvements.md are those of experiments/results/improvements, and those of the runs in it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.bench.variants import Cost
from experiments.changes import CHANGES
from experiments.comparing import read_run
from experiments.improvements import finished
from experiments.leaderboard import as_json, rank
from gan_jax.intervals import prediction
from gan_jax.run_folder import RunFolder
from gan_jax.tables import TIMES
from tests.test_readme_numbers import README, RESULTS, ROOT, SEEDS, assert_printed, table

Record = Mapping[str, Mapping[str, Mapping[str, float | None]]]  # improvements.json, of changes and columns
PAGE = (ROOT / "docs" / "improvements.md").read_text(encoding="utf-8")
SCREENING = RESULTS / "improvements" / "screening"
EPOCHS = 40
STUDY = RESULTS / "improvements"
STUDIED = {
    "Fréchet": "frechet", "times `part_a`'s": "ratio", "density": "density", "coverage": "coverage",
    "KL": "kl_to_uniform", "nearest": "nearest_ratio", "in `part_a`'s time": "at_equal_time", "an epoch's time": "cost",
}  # fmt: skip
SCREENED = {
    "Fréchet": "frechet", "density": "density", "coverage": "coverage", "classes": "classes_covered",
    "KL": "kl_to_uniform", "nearest": "nearest_ratio", "an epoch's time": "cost",
}  # fmt: skip


def costs_of(folder: Path) -> dict[str, Cost]:
    """As the study read them, of the settings that the changes have."""
    entries = json.loads((folder / "costs.json").read_text())
    return {name: Cost(**entry["cost"]) for name, entry in entries.items()}


def flat(changes: Record) -> dict[str, float]:
    """One number by what it is of; null becomes NaN."""
    return {
        f"{name} {column} {field}": math.nan if number is None else number
        for name, row in changes.items()
        for column, value in row.items()
        for field, number in value.items()
    }


def test_the_study_is_of_its_runs():
    """Of those in its folder, and of the parts' own beside it."""
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    found = {}
    for name in changes:
        configs = [replace(CHANGES[name].config(name, 100), seed=seed) for seed in range(3)]
        configs = [replace(config, name=f"{name}-seed_{config.seed}" if config.seed else name) for config in configs]
        found[name] = finished(STUDY if (STUDY / name).is_dir() else RESULTS, configs)
        assert len(found[name]) == changes[name]["frechet"]["n"]
    assert flat(as_json(rank(found, costs_of(STUDY)))) == pytest.approx(flat(changes), rel=1e-9, nan_ok=True)


def test_the_study_as_it_is_told():
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    rows = table(PAGE, "after 100 epochs")
    assert [row["after 100 epochs"].strip("`") for row in rows] == list(changes)
    for row in rows:
        found = changes[row["after 100 epochs"].strip("`")]
        assert int(row["seeds"]) == found["frechet"]["n"]
        for title, column in STUDIED.items():
            value = found[column]
            assert_printed(row[title], *(value[part] for part in ("mean", "spread") if value[part] is not None))
            assert (f"{TIMES}/÷" in row[title]) == (value["geometric"] and value["spread"] is not None)


def test_the_study_in_the_readme():
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    [told] = re.findall(r"R1 and R2 alone come to (.+?), and after 40", " ".join(README.split()))
    assert_printed(told, changes["r1_r2"]["frechet"]["mean"], changes["r1_r2"]["frechet"]["spread"])


def test_the_screening_is_of_its_runs():
    changes = json.loads((SCREENING / "improvements.json").read_text())["changes"]
    found = {name: finished(SCREENING, [CHANGES[name].config(name, EPOCHS)]) for name in changes}
    assert all(len(members) == 1 for members in found.values())
    again = as_json(rank(found, costs_of(SCREENING)))
    assert list(again) == list(changes)
    assert flat(again) == pytest.approx(flat(changes), rel=1e-9, nan_ok=True)  # logarithms of other machines' libraries


def test_the_screening_as_it_is_told():
    changes = json.loads((SCREENING / "improvements.json").read_text())["changes"]
    rows = table(PAGE, "after 40 epochs")
    assert [row["after 40 epochs"].strip("`") for row in rows] == list(changes)
    for row in rows:
        name = row["after 40 epochs"].strip("`")
        for title, column in SCREENED.items():
            assert_printed(row[title], changes[name][column]["mean"])
        assert_printed(row["after 10"], float(read_run(SCREENING / name).metrics["frechet"][9]))
        assert row["what"] == CHANGES[name].what


def test_what_is_said_of_the_screening():
    text = " ".join(PAGE.split())
    at_40 = [float(RunFolder(RESULTS / name).read_metrics()["frechet"][EPOCHS - 1]) for name in SEEDS]
    found = prediction(at_40)
    [told] = re.findall(r"two seeds stand at (.+?)\. The runs", text)
    assert_printed(told.replace("95 %", ""), *at_40[1:], found.mean - found.spread, found.mean + found.spread)
    changes = json.loads((SCREENING / "improvements.json").read_text())["changes"]
    frechet = {name: row["frechet"]["mean"] for name, row in changes.items()}
    outside = [name for name, value in frechet.items() if value < found.mean - found.spread]
    assert outside == ["small_batch"]
    first = list(frechet)[:4]
    assert all(RunFolder(SCREENING / name).read_metrics()["frechet"][9] < at_40[0] for name in first)
    for epoch, words in ((20, ("one", "three")), (30, ("four", "eight"))):
        classes = [int(RunFolder(RESULTS / name).read_metrics()["classes_covered"][epoch - 1]) for name in SEEDS]
        numbers = dict(zip(range(1, 9), ["one", "two", "three", "four", "five", "six", "seven", "eight"], strict=True))
        assert (numbers[min(classes)], numbers[max(classes)]) == words
    [left] = re.findall(r"\*\*Not carried on\*\*(.+?), of which", text)
    late = {name for name, value in frechet.items() if value > frechet["part_a"]}
    assert set(re.findall(r"`(\w+)`", left)) == late
    own = RunFolder(SCREENING / "averaging").read_metrics()["raw_frechet"][EPOCHS - 1]
    assert float(own) == at_40[0]
    assert f"bit for bit, at {at_40[0]:.0f})" in text


@pytest.mark.parametrize("part", ["part_a", "part_b", "part_c5", "part_c6", "part_best"])
def test_shipped_runs_stand_in_the_study(part):
    """What is under experiments/results was trained with the study's own configuration."""
    assert RunFolder(RESULTS / part).read_config() == CHANGES[part].config(part, 100)
