"""The numbers in docs/improvements.md are those of experiments/results/improvements and of the runs in it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.cli import improvements
from experiments.improvements.cost import Cost
from experiments.improvements.leaderboard import SMOOTHING, as_json, frechet_at, rank
from experiments.improvements.study import finished
from experiments.improvements.variants import CHANGES
from gan_jax.analysis.intervals import interval, prediction
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.runs.comparison import read_run
from gan_jax.runs.run_dir import RunDir
from tests.helpers.printed import RESULTS, SEEDS, Page, assert_printed

Record = Mapping[str, Mapping[str, Mapping[str, float | None]]]  # improvements.json, by change and column
PAGE = Page("improvements")
SCREENING = RESULTS / "improvements" / "screening"
EPOCHS = 40
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")  # in words
STUDY = RESULTS / "improvements"
# Studies of one seed: the table's heading, and the epochs that it shows besides the last.
SHORT = {"screening": ("after 40 epochs", (10,)), "ablation": ("at 40 epochs", (10, 20, 30))}
STUDIED = {
    "Fréchet": "frechet", "ratio to `part_a`": "ratio", "density": "density", "coverage": "coverage",
    "KL": "kl_to_uniform", "nearest": "nearest_ratio", "in `part_a`'s time": "at_equal_time", "epoch time": "cost",
}  # fmt: skip
SCREENED = {
    "Fréchet": "frechet", "density": "density", "coverage": "coverage", "classes": "classes_covered",
    "KL": "kl_to_uniform", "nearest": "nearest_ratio", "epoch time": "cost",
}  # fmt: skip


def costs_of(folder: Path) -> dict[str, Cost]:
    """Return the costs that the study used, by change."""
    entries = json.loads((folder / "costs.json").read_text())
    return {name: Cost(**entry["cost"]) for name, entry in entries.items()}


def flat(changes: Record) -> dict[str, float]:
    """Flatten to one number per name, column and field; null becomes NaN."""
    return {
        f"{name} {column} {field}": math.nan if number is None else number
        for name, row in changes.items()
        for column, value in row.items()
        for field, number in value.items()
    }


def seeds_of(name: str) -> list[LoadedRun]:
    """Return a change's runs, from the study's directory or, for a part, from the one beside it."""
    configs = [replace(CHANGES[name].config(name, 100), seed=seed) for seed in range(3)]
    configs = [replace(config, name=f"{name}-seed_{config.seed}" if config.seed else name) for config in configs]
    return [run for folder in (RESULTS, STUDY) for run in finished(folder, configs)]


def test_the_studys_record_follows_from_its_runs():
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    found = {name: seeds_of(name) for name in changes}
    assert {name: len(runs) for name, runs in found.items()} == {
        name: row["frechet"]["n"] for name, row in changes.items()
    }
    assert flat(as_json(rank(found, costs_of(STUDY)))) == pytest.approx(flat(changes), rel=1e-9, nan_ok=True)


def printed_values(value: Mapping[str, float]) -> list[float]:
    """Return an interval's ends if it is one of a ratio; else its mean, and its spread if the seeds differ."""
    if value["geometric"] and value["spread"] is not None:
        return [value["mean"] / value["spread"], value["mean"] * value["spread"]]
    return [value["mean"], *([value["spread"]] if value["spread"] else [])]


def both_values(name: str, column: str) -> list[float]:
    """Return a column of STUDIED for each of two seeds."""
    runs = seeds_of(name)
    if column == "ratio":
        baseline = math.exp(sum(math.log(float(run.metrics["frechet"][-1])) for run in seeds_of("part_a")) / 3)
        return [float(run.metrics["frechet"][-1]) / baseline for run in runs]
    if column == "at_equal_time":
        return [frechet_at(run, 100 / costs_of(STUDY)[name].times) for run in runs]
    return [float(run.metrics[column][-1]) for run in runs]


def test_the_pages_table_is_the_study():
    """Means with their intervals; of two seeds both values."""
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    rows = PAGE.table("after 100 epochs")
    assert [row["after 100 epochs"].strip("`") for row in rows] == list(changes)
    for row in rows:
        found = changes[row["after 100 epochs"].strip("`")]
        assert int(row["seeds"]) == found["frechet"]["n"]
        for title, column in STUDIED.items():
            value, name = found[column], row["after 100 epochs"].strip("`")
            if " and " in row[title]:
                assert_printed(row[title], *both_values(name, column))
            else:
                assert_printed(row[title], *printed_values(value))
                assert (" to " in row[title]) == (value["geometric"] and value["spread"] is not None)
            assert (" and " in row[title]) == (value["n"] == 2 and column != "cost" and value["spread"] != 0)


def test_the_duration_of_the_study():
    costs = json.loads((RESULTS / "bench" / "variants.json").read_text())["changes"]
    assert len(costs) == len(CHANGES)
    hours = sum(cost["epoch_seconds"] for cost in costs.values()) * 3 * 100 / 3600
    assert f"changes take {hours:.0f} hours on two cores" in PAGE.line
    assert f"about {hours:.0f} hours on two cores" in str(improvements.__doc__)


def test_label_smoothing_under_either_loss():
    changes = json.loads((STUDY / "improvements.json").read_text())["changes"]
    for row, names in zip(PAGE.table("G minimizes"), SMOOTHING.values(), strict=True):
        for cell, name in zip(list(row.values())[1:], names, strict=True):
            values = both_values(name, "frechet") if " and " in cell else printed_values(changes[name]["frechet"])
            assert_printed(cell, *values)


def test_which_changes_let_g_learn_under_the_saturating_loss():
    assert "D(G(z)) ends below 1e-6" in PAGE.line
    assert "it ends above 0.3" in PAGE.line
    for name, alive in (("part_b", False), ("one_sided_saturating", False), ("two_sided_saturating", True)):
        for run in seeds_of(name):
            fake_mean = float(run.metrics["fake_probability"][-1])
            assert fake_mean > 0.3 if alive else fake_mean < 1e-6


def test_statements_about_the_study():
    text = PAGE.line
    [quoted] = re.findall(r"its Fréchet distance is (.+?)\. That is no better than `part_a`'s", text)
    found = interval([frechet_at(run, 25) for run in seeds_of("small_batch")])
    assert_printed(quoted, found.mean, found.spread)
    quoted = re.findall(r"much better after as many updates: (.+?) at epoch 20 and (.+?) at epoch 30", text)[0]
    for words, epoch in zip(quoted, (20, 30), strict=True):
        found = interval([frechet_at(run, epoch) for run in seeds_of("part_best")])
        assert_printed(words, found.mean, found.spread)
    ranges = sum(" to " in row["ratio to `part_a`"] for row in PAGE.table("after 100 epochs"))
    assert f"Each of the {NUMBERS[ranges]} ranges" in text
    assert f"at least one would miss it with a chance of {100 * (1 - 0.95**ranges):.0f} %" in text


def test_statements_about_the_ablation_of_part_best():
    text = PAGE.line
    ours, whole = (
        RunDir(STUDY / "ablation" / name).read_metrics() for name in ("best_without_relativistic_r1_r2", "part_best")
    )
    quoted = PAGE.quoted(r"D's accuracy grows from (.+?) at epoch 20 to (.+?) at epoch 40, .+? it ends at (.+?)\. ")
    accuracies = (*ours["discriminator_accuracy"][[19, 39]], whole["discriminator_accuracy"][39])
    assert_printed(quoted, *accuracies)
    assert_printed(PAGE.quoted(r'"nearest" falls to (\S+):'), ours["nearest_ratio"][39])
    shipped = json.loads((STUDY / "ablation" / "improvements.json").read_text())["changes"]
    left = [name for name in CHANGES if name.startswith("best_without_") and name not in shipped]
    assert len(left) == 6
    assert "The other six are not trained yet" in text


@pytest.mark.parametrize("short", SHORT)
def test_the_short_studies_follow_from_their_runs(short):
    folder = STUDY / short
    changes = json.loads((folder / "improvements.json").read_text())["changes"]
    found = {
        name: finished(folder if (folder / name).is_dir() else SCREENING, [CHANGES[name].config(name, EPOCHS)])
        for name in changes
    }
    assert all(len(members) == 1 for members in found.values())
    again = as_json(rank(found, costs_of(folder)))
    assert list(again) == list(changes)
    assert flat(again) == pytest.approx(flat(changes), rel=1e-9, nan_ok=True)  # other machines' logarithms


@pytest.mark.parametrize("short", SHORT)
def test_the_pages_tables_are_the_short_studies(short):
    heading, epochs = SHORT[short]
    changes = json.loads((STUDY / short / "improvements.json").read_text())["changes"]
    rows = PAGE.table(heading)
    assert [row[heading].strip("`") for row in rows] == [name for name in changes if (STUDY / short / name).is_dir()]
    for row in rows:
        name = row[heading].strip("`")
        for title, column in SCREENED.items():
            assert_printed(row[title], changes[name][column]["mean"])
        measured = read_run(STUDY / short / name).metrics["frechet"]
        for epoch in epochs:
            assert_printed(row[f"after {epoch}"], float(measured[epoch - 1]))
        assert row.get("what", CHANGES[name].what) == CHANGES[name].what


def test_statements_about_the_screening():
    text = PAGE.line
    at_40 = [float(RunDir(RESULTS / name).read_metrics()["frechet"][EPOCHS - 1]) for name in SEEDS]
    found = prediction([math.log(value) for value in at_40])
    least, most = math.exp(found.mean - found.spread), math.exp(found.mean + found.spread)
    quoted = PAGE.quoted(r"two seeds of `part_a` have (.+?)\. One more .+? probably fall between (.+?) \(")
    assert_printed(quoted, *at_40[1:], least, most)
    changes = json.loads((SCREENING / "improvements.json").read_text())["changes"]
    frechet = {name: row["frechet"]["mean"] for name, row in changes.items()}
    [quoted] = re.findall(r"The first three, (.+?), beat `part_a` by more than chance", text)
    assert re.findall(r"`(\w+)`", quoted) == [name for name, value in frechet.items() if value < least]
    assert most > frechet["hinge"] > frechet["part_a"]
    spectral, fast = (RunDir(SCREENING / name).read_metrics() for name in ("spectral_normalisation", "fast"))
    quoted = PAGE.quoted(r"spectral normalization has (\d+) at epoch 20 and (\d+) at epoch 40")
    assert_printed(quoted, spectral["frechet"][19], spectral["frechet"][39])
    assert min(fast["discriminator_accuracy"][9:]) > 0.995
    first = list(frechet)[:4]
    assert all(RunDir(SCREENING / name).read_metrics()["frechet"][9] < at_40[0] for name in first)
    for epoch, words in ((20, ("one", "three")), (30, ("four", "eight"))):
        classes = [int(RunDir(RESULTS / name).read_metrics()["classes_covered"][epoch - 1]) for name in SEEDS]
        assert (NUMBERS[min(classes)], NUMBERS[max(classes)]) == words
    [left] = re.findall(r"\*\*Not trained further\*\*, because (.+?)\. For `hinge`", text)
    late = {name for name, value in frechet.items() if value > frechet["part_a"]}
    assert set(re.findall(r"`(\w+)`", left)) == late | {"part_a"}
    assert_printed(PAGE.quoted(r"may be chance: (\d+) lies in the range"), frechet["hinge"])
    own = RunDir(SCREENING / "averaging").read_metrics()["raw_frechet"][EPOCHS - 1]
    assert float(own) == at_40[0]
    assert f"bit for bit, at {at_40[0]:.0f}." in text


@pytest.mark.parametrize("part", ["part_a", "part_b", "part_c5", "part_c6", "part_best"])
def test_shipped_runs_are_those_of_the_study(part):
    """Runs in experiments/results were trained with the study's configuration."""
    assert RunDir(RESULTS / part).read_config() == CHANGES[part].config(part, 100)
