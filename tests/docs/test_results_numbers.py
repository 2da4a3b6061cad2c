"""The numbers in docs/results.md are those of experiments/results, to the digits that are printed."""

import csv
import json
import math
import re

import numpy as np

from experiments.homework.findings import TESTED
from experiments.homework.parts import PART_BEST, PARTS, STACKED_MNIST
from experiments.homework.saturation import largest_drop, orders_changed
from experiments.improvements.leaderboard import frechet_at
from gan_jax.analysis.intervals import difference, interval
from gan_jax.runs.comparison import read_run
from gan_jax.runs.run_dir import RunDir
from tests.helpers.printed import MEASURED, RESULTS, SEEDS, Page, assert_printed, last, metrics_of, range_of_one_more

PAGE = Page("results")
SEEDS_OF_BEST = ("", "-seed_1", "-seed_2")
TRAINED = {
    "D loss": "discriminator_loss", "G loss": "generator_loss", "D(G(z))": "fake_probability",
    "norm of G's gradient": "generator_gradient_norm",
}  # fmt: skip


def test_metrics_of_the_parts():
    """Values outside the range in which one more run of part_a would fall are bold."""
    *parts, spread = PAGE.table("part")
    assert [row["part"].strip("`") for row in parts] == list(PARTS)
    outside = 0
    for row in parts:
        name = row["part"].strip("`")
        for title, column in MEASURED.items():
            value, one_more = last(name)[column], range_of_one_more(column)
            assert_printed(row[title], value)
            differs = name != "part_a" and one_more.spread > 0 and abs(value - one_more.mean) > one_more.spread
            assert row[title].startswith("**") == differs, (name, title)
            outside += differs and name.startswith("part_c")
    for title, column in MEASURED.items():
        mean, half, *_ = range_of_one_more(column)
        assert_printed(spread[title], *([mean - half, mean + half] if half else [mean]))
    counted = len(parts[2:]) * sum(range_of_one_more(column).spread > 0 for column in MEASURED.values())
    assert PAGE.quoted(r"(\d+) of (\d+) values of `part_c1` to `part_c6` differ") == f"{outside} {counted}"
    assert round(last("part_a")["frechet_floor"], 1) == 1.5


def test_statements_about_the_claims_follow_from_the_runs():
    statements = {row["the homework says"].split("`")[1]: row for row in PAGE.table("the homework says")}
    assert sorted(statements) == sorted(PARTS)
    for name, epochs in (("part_c4", (30, 100)), ("part_c2", (50, 100))):
        shares = metrics_of(name)["digit_share_1"]
        for epoch in epochs:
            share = f"{100 * shares[epoch - 1]:.0f} %"
            assert re.search(rf"{share}( ones)? at (epoch )?{epoch}\b", statements[name]["measured"]), (name, epoch)
    ones = range_of_one_more("digit_share_1")
    [quoted] = re.findall(r"`part_a` would have (.+?) %", statements["part_c4"]["measured"])
    assert_printed(quoted, 100 * (ones.mean - ones.spread), 100 * (ones.mean + ones.spread))
    assert "D(G(z)) is below 1e-12 at the end, and precision is 0" in statements["part_b"]["measured"]
    assert max(seeds_of("part_b", "fake_probability")) < 1e-12
    assert max(seeds_of("part_b", "precision")) == 0
    ours, theirs = metrics_of("part_c3"), metrics_of("part_a")
    assert int(np.argmin(ours["generator_loss"] == theirs["generator_loss"])) == 51
    assert "up to epoch 51;" in statements["part_c3"]["measured"]
    by_chance = 100 * (1 - 0.95 ** len(TESTED))  # independent ranges of 95 %
    assert_printed(PAGE.quoted(r"chance in up to about (\d+) % of all studies"), by_chance)
    assert len(TESTED) == 7


def seeds_of(name: str, column: str) -> list[float]:
    """Return the last values of a part's three seeds; seeds 1 and 2 are in the study of improvements."""
    return [last(run)[column] for run in (name, f"improvements/{name}-seed_1", f"improvements/{name}-seed_2")]


def test_statements_about_smoothing_rest_on_three_seeds():
    """A difference is stated where its interval excludes 0."""
    rows = {row["the homework says"].split("`")[1]: row for row in PAGE.table("the homework says")}
    usual = {column: [last(name)[column] for name in SEEDS] for column in ("frechet", "precision")}
    for name, holds, judged in (
        ("part_c5", [True, True], "the Fréchet distance is worse, and precision is lower"),
        ("part_c6", [False, False], "no difference was found in either"),
    ):
        frechet, precision = seeds_of(name, "frechet"), seeds_of(name, "precision")
        mean, more = interval(frechet), difference(frechet, usual["frechet"])
        lower = difference(usual["precision"], precision)
        quoted = rows[name]["measured"].replace("`part_a`", "")
        assert_printed(quoted, mean.mean, mean.spread, more.mean, more.spread, lower.mean, lower.spread)
        assert [found.mean > found.spread for found in (more, lower)] == holds
        assert judged in rows[name]["does it hold?"]


def test_the_death_of_part_b():
    rows = PAGE.table("epoch")
    assert len(rows) == 10
    for row in rows:
        metrics = metrics_of(row[""].strip("`"))
        for title, column in TRAINED.items():
            value = float(metrics[column][int(row["epoch"]) - 1])
            assert math.isclose(float(row[title]), float(f"{value:.2g}"), rel_tol=1e-9), (row, title)


def test_how_far_gs_gradient_falls():
    curves = json.loads((RESULTS / "saturation" / "saturation.json").read_text())["curves"]
    for row, curve in zip(PAGE.table("G frozen after"), curves, strict=True):
        falling, growing = (np.array(curve["gradient_norm"][loss]) for loss in ("saturating", "non_saturating"))
        values = curve["generator_epochs"], largest_drop(falling), orders_changed(falling), orders_changed(growing)
        for cell, value in zip(row.values(), values, strict=True):
            assert value is not None  # no curve starts at 0
            assert_printed(cell, value)


def test_part_best():
    """The page and the part's description quote means and 95 % intervals over three seeds of each."""
    rows = {row["three seeds"].strip("`"): row for row in PAGE.table("three seeds")}
    intervals = {}
    for name in ("part_a", "part_best"):
        runs = [last(f"{name}{seed}") for seed in SEEDS_OF_BEST]
        intervals[name] = {column: interval([run[column] for run in runs]) for column in MEASURED.values()}
        for title, column in MEASURED.items():
            found = intervals[name][column]
            assert_printed(rows[name][title], *([found.mean, found.spread] if found.spread else [found.mean]))
    best, usual = (intervals[name]["frechet"] for name in ("part_best", "part_a"))
    share = PAGE.quoted(r"The Fréchet distance is a (\w+) of `part_a`'s")
    assert {"sixteenth": 16, "seventeenth": 17, "eighteenth": 18}[share] == round(usual.mean / best.mean)
    times = json.loads((RESULTS / "bench" / "variants.json").read_text())["changes"]["part_best"]["times"]
    at = interval([frechet_at(read_run(RESULTS / f"part_best{seed}"), 100 / times) for seed in SEEDS_OF_BEST])
    quoted = PAGE.quoted(r"An epoch takes (.+?)\. Its settings")
    assert_printed(quoted, times, 100 / times, usual.mean / at.mean, at.mean, at.spread, usual.mean)
    words = "Fréchet distance {:.1f}, all ten classes, coverage {:.2f}, recall {:.2f}."
    seed_0 = last("part_best")
    assert PART_BEST.measured == words.format(*(seed_0[name] for name in ("frechet", "coverage", "recall")))
    assert seed_0["classes_covered"] == 10


def test_the_same_numbers_as_pytorch():
    with (RESULTS / "parity" / "comparison.csv").open(encoding="utf-8") as file:
        measured = list(csv.DictReader(file))
    titles = TRAINED | MEASURED
    quoted = PAGE.table("")
    assert len(quoted) == len(measured)
    for row, found in zip(quoted, measured, strict=True):
        for title in list(row)[1:]:
            assert_printed(row[title], *(float(found[f"{titles[title]}{end}"]) for end in ("", "_half_width")))


def test_stacked_mnist():
    found = []
    for row, name in zip(PAGE.table("seed"), ("stacked_mnist", "stacked_mnist-seed_1"), strict=True):
        run = last(name)
        assert run["epoch"] == STACKED_MNIST.config.epochs
        columns = ("modes", "modes_kl", "digits_kl", "raw_modes", "raw_modes_kl", "modes_kl_floor")
        for quoted, column in zip(list(row.values())[1:], columns, strict=True):
            assert_printed(quoted, run[column])
        found.append(run)
    seed_0 = found[0]
    words = (seed_0["modes"], STACKED_MNIST.config.epochs, seed_0["modes_kl"], seed_0["modes_kl_floor"])
    assert_printed(STACKED_MNIST.measured, *words)
    quoted = PAGE.quoted(r"Training took (.+?) minutes")
    names = ("stacked_mnist", "stacked_mnist-seed_1")
    assert_printed(quoted, *(RunDir(RESULTS / name).read_metrics()["seconds"].sum() / 60 for name in names))


def test_stacked_mnist_trained_for_longer():
    rows = PAGE.table("seed 0, 50 epochs")
    columns = {"modes": "modes", "KL to uniform": "modes_kl", "without the average: modes": "raw_modes"}
    for place, row in enumerate(rows):
        weights = (3, 10, 30)[place // 2]
        assert row["seed 0, 50 epochs"].startswith(f"weights of {weights},") or place % 2
        metrics = metrics_of(f"improvements/stacked_mnist/weights_{weights}")
        epoch = int(row["iterations"]) // 468
        assert epoch == (25, 50)[place % 2]
        for title, column in {**columns, "KL": "raw_modes_kl"}.items():
            assert_printed(row[title], float(metrics[column][epoch - 1]))
