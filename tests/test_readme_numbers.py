"""The numbers of the README and of docs/results.md are those of experiments/results, to the digits that are printed."""

import csv
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from experiments.homework.parts import PART_BEST, PARTS, STACKED_MNIST
from experiments.improvements.leaderboard import frechet_at
from gan_jax.analysis.intervals import interval, prediction
from gan_jax.runs.comparison import read_run
from gan_jax.runs.run_dir import RunDir

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "experiments" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
DETAILS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
SEEDS = ("part_a", "part_a-seed_1", "part_a-seed_2")
SEEDS_OF_BEST = ("", "-seed_1", "-seed_2")
MEASURED = {
    "Fréchet": "frechet", "precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage",
    "classes": "classes_covered", "KL": "kl_to_uniform", "share of 1s": "digit_share_1", "nearest": "nearest_ratio",
}  # fmt: skip
TIMED = {
    "images/s": "images_per_second", "share of the roofline": "share_of_floor",
    "times torch eager": "times_torch_eager",
    "compile s": "compile_seconds", "peak MB": "peak_megabytes",
}  # fmt: skip
PLAYED = {
    "D loss": "discriminator_loss", "G loss": "generator_loss", "D(G(z))": "fake_probability",
    "norm of G's gradient": "generator_gradient_norm",
}  # fmt: skip
BATCHES = 117  # batches per epoch


def table(text: str, heading: str) -> list[dict[str, str]]:
    """Return the rows of the one Markdown table whose header begins like this, by column title."""
    [found] = re.findall(rf"^(\| ?{re.escape(heading)} ?\|.*\n(?:\|.*\n)+)", text, re.MULTILINE)
    head, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in found.splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def assert_printed(text: str, *values: float) -> None:
    """Assert that the numbers in a text are these values, each to its printed digits."""
    printed = re.findall(r"-?\d+(?:\.(\d+))?", text.replace("**", ""))
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text.replace("**", ""))
    assert numbers == [f"{value:.{len(digits)}f}" for digits, value in zip(printed, values, strict=True)], text


def last(name: str) -> Mapping[str, float]:
    return {column: float(values[-1]) for column, values in RunDir(RESULTS / name).read_metrics().items()}


def interval_of_seeds(column: str):
    return prediction([last(name)[column] for name in SEEDS])


def rows_of(study: str) -> dict[str, dict[str, float]]:
    """Return a study's measurements by bench case."""
    with (RESULTS / "bench" / f"{study}.csv").open(encoding="utf-8") as file:
        return {
            row["arm"]: {name: float(value) for name, value in row.items() if name not in ("study", "arm") and value}
            for row in csv.DictReader(file)
        }


def test_metrics_of_the_parts():
    """Values outside the prediction interval of part_a's seeds are bold."""
    *parts, spread = table(README, "part")
    assert [row["part"].strip("`") for row in parts] == list(PARTS)
    outside = 0
    for row in parts:
        name = row["part"].strip("`")
        for title, column in MEASURED.items():
            value, interval = last(name)[column], interval_of_seeds(column)
            assert_printed(row[title], value)
            differs = name != "part_a" and interval.spread > 0 and abs(value - interval.mean) > interval.spread
            assert row[title].startswith("**") == differs, (name, title)
            outside += differs and name.startswith("part_c")
    for title, column in MEASURED.items():
        interval = interval_of_seeds(column)
        assert_printed(spread[title], *([interval.mean, interval.spread] if interval.spread else [interval.mean]))
    counted = len(parts[2:]) * sum(interval_of_seeds(column).spread > 0 for column in MEASURED.values())
    [quoted] = re.findall(
        r"of the (\d+) comparisons of `part_c1` to `part_c6`, and it is (\d+);", " ".join(README.split())
    )
    assert quoted == (str(counted), str(outside))


def test_statements_about_the_claims_follow_from_the_runs():
    statements = {row["the homework says"].split("`")[1]: row for row in table(README, "the homework says")}
    assert sorted(statements) == sorted(PARTS)
    for name, epochs in (("part_c4", (30, 100)), ("part_c2", (50, 100))):
        shares = RunDir(RESULTS / name).read_metrics()["digit_share_1"]
        for epoch in epochs:
            share = f"{100 * shares[epoch - 1]:.0f} %"
            assert re.search(rf"{share}( ones)? at (epoch )?{epoch}\b", statements[name]["measured"]), (name, epoch)
    precision = interval_of_seeds("precision")
    for name in ("part_c5", "part_c6"):
        quoted = statements[name]["measured"].split(";")[0]
        assert_printed(quoted, last(name)["precision"], precision.mean, precision.spread)
    ours, theirs = (RunDir(RESULTS / name).read_metrics() for name in ("part_c3", "part_a"))
    same = ours["generator_loss"] == theirs["generator_loss"]
    assert int(np.argmin(same)) == 51
    assert "up to epoch 51;" in statements["part_c3"]["measured"]


def test_speed():
    measured = rows_of("frameworks")
    quoted = {
        row["case"].replace("matmul roofline", "floor"): row for row in table(README, "case")
    }  # as they are shipped
    assert set(quoted) == set(measured)
    for name, row in quoted.items():
        case = measured[name]
        assert_printed(row["ms per iteration"], case["milliseconds"], case["least"], case["most"])
        for title, column in TIMED.items():
            if column in case:
                assert_printed(row[title], case[column])
            else:
                assert row[title] == "-"


@pytest.mark.parametrize("study", ["batch size", "width"])
def test_speed_by(study):
    measured = rows_of(study.replace(" ", "_"))
    ours, theirs, ratio = table(README, study)
    for size in list(ours)[1:]:
        jax, torch = measured[f"JAX float32, {size}"], measured[f"torch eager float32, {size}"]
        assert_printed(ours[size], jax["milliseconds"])
        assert_printed(theirs[size], torch["milliseconds"])
        assert_printed(ratio[size], jax["times_torch_eager"])


def test_speed_by_seeds_and_steps():
    [seeds], [steps] = table(README, "seeds in one program"), table(README, "steps of D")
    for count, printed in list(seeds.items())[1:]:
        assert_printed(printed, rows_of("seeds")[f"JAX float32, {count}"]["milliseconds"])
    for count, printed in list(steps.items())[1:]:
        assert_printed(printed, rows_of("steps")[f"JAX float32, {count}"]["milliseconds"] * BATCHES / 1000)
    startup = json.loads((RESULTS / "bench" / "startup.json").read_text())
    [quoted] = re.findall(r"`\./run\.sh bench startup`: (.+?) s when", README)
    assert_printed(quoted, startup["cold"], startup["warm"])


def test_the_same_numbers_as_pytorch():
    with (RESULTS / "parity" / "comparison.csv").open(encoding="utf-8") as file:
        measured = list(csv.DictReader(file))
    titles = PLAYED | MEASURED
    quoted = table(README, "")
    assert len(quoted) == len(measured)
    for row, found in zip(quoted, measured, strict=True):
        for title in list(row)[1:]:
            assert_printed(row[title], *(float(found[f"{titles[title]}{end}"]) for end in ("", "_half_width")))


def test_seeds_differ_after_ten_epochs():
    [quoted] = re.findall(r"are then at (\d+, \d+ and \d+) %", " ".join(README.split()))
    accuracies = [RunDir(RESULTS / name).read_metrics()["discriminator_accuracy"][9] for name in SEEDS]
    assert_printed(quoted, *(100 * float(accuracy) for accuracy in accuracies))


def test_part_bs_collapse():
    rows = table(DETAILS, "epoch")
    assert len(rows) == 10
    for row in rows:
        metrics = RunDir(RESULTS / row[""].strip("`")).read_metrics()
        for title, column in PLAYED.items():
            value = float(metrics[column][int(row["epoch"]) - 1])
            assert math.isclose(float(row[title]), float(f"{value:.2g}"), rel_tol=1e-9), (row, title)


def test_part_best():
    """The README and the part's description quote means and 95 % intervals over three seeds of each."""
    rows = {row["three seeds"].strip("`"): row for row in table(README, "three seeds")}
    intervals = {}
    for name in ("part_a", "part_best"):
        runs = [last(f"{name}{seed}") for seed in SEEDS_OF_BEST]
        intervals[name] = {column: interval([run[column] for run in runs]) for column in MEASURED.values()}
        for title, column in MEASURED.items():
            found = intervals[name][column]
            assert_printed(rows[name][title], *([found.mean, found.spread] if found.spread else [found.mean]))
    best, usual = (intervals[name]["frechet"] for name in ("part_best", "part_a"))
    assert best.mean + best.spread < (usual.mean - usual.spread) / 10
    [share] = re.findall(r"a (\w+) of `part_a`'s with intervals far apart", " ".join(README.split()))
    assert {"fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18}[share] == round(
        usual.mean / best.mean
    )
    times = cost_of("part_best")
    [quoted] = re.findall(r"An epoch takes (.+?)\. Weights", " ".join(README.split()))
    at = interval([frechet_at(read_run(RESULTS / f"part_best{seed}"), 100 / times) for seed in SEEDS_OF_BEST])
    assert_printed(quoted, times, 100 / times, at.mean, at.spread)
    words = "Fréchet distance {:.1f}, all ten classes, coverage {:.2f}, recall {:.2f}."
    seed_0 = last("part_best")
    assert PART_BEST.measured == words.format(*(seed_0[name] for name in ("frechet", "coverage", "recall")))
    assert seed_0["classes_covered"] == 10


def cost_of(change: str) -> float:
    """Return the cost of a change's epoch relative to part_a's."""
    return json.loads((RESULTS / "bench" / "variants.json").read_text())["changes"][change]["times"]


def test_the_costs_of_changes():
    [quoted] = re.findall(r"R1 and R2 take (.+?); an average", " ".join(README.split()))
    changes = ("r1_r2", "dragan", "spectral_normalisation", "small_batch")
    assert_printed(quoted, *(cost_of(change) for change in changes))
    for free in ("least_squares", "hinge", "averaging", "betas", "cosine", "two_time_scales"):
        assert cost_of(free) == pytest.approx(1, abs=0.03)  # repeats differ by 3 %


def test_stacked_mnist():
    rows = table(DETAILS, "seed")
    found = []
    for row, name in zip(rows, ("stacked_mnist", "stacked_mnist-seed_1"), strict=True):
        run = last(name)
        assert run["epoch"] == STACKED_MNIST.config.epochs
        columns = ("modes", "modes_kl", "digits_kl", "raw_modes", "raw_modes_kl", "modes_kl_floor")
        for quoted, column in zip(list(row.values())[1:], columns, strict=True):
            assert_printed(quoted, run[column])
        found.append(run)
    seed_0 = found[0]
    words = (seed_0["modes"], STACKED_MNIST.config.epochs, seed_0["modes_kl"], seed_0["modes_kl_floor"])
    assert_printed(STACKED_MNIST.measured, *words)
    assert f"setting covers ({found[0]['modes']:.0f} and {found[1]['modes']:.0f})" in " ".join(README.split())
    [quoted] = re.findall(r"training took (.+?) minutes", " ".join(DETAILS.split()))
    minutes = [RunDir(RESULTS / name).read_metrics()["seconds"].sum() / 60 for name in
               ("stacked_mnist", "stacked_mnist-seed_1")]  # fmt: skip
    assert_printed(quoted, *minutes)


def test_stacked_mnist_trained_for_longer():
    rows = table(DETAILS, "seed 0, 50 epochs")
    assert [row["seed 0, 50 epochs"].split(",")[0] for row in rows[::2]] == [
        "weights of 3",
        "weights of 10",
        "weights of 30",
    ]
    for place, row in enumerate(rows):
        weights = (3, 10, 30)[place // 2]
        metrics = RunDir(RESULTS / "improvements" / "stacked_mnist" / f"weights_{weights}").read_metrics()
        epoch = int(row["iterations"]) // 468
        assert epoch == (25, 50)[place % 2]
        for title, column in {"modes": "modes", "KL to uniform": "modes_kl", "of G itself: modes": "raw_modes",
                              "KL": "raw_modes_kl"}.items():  # fmt: skip
            assert_printed(row[title], float(metrics[column][epoch - 1]))
