"""The numbers in docs/speed.md, and the times in docs/teaching.md, are those of experiments/results/bench."""

import json

import pytest

from gan_jax.schedules import Schedule
from tests.helpers.printed import RESULTS, Page, assert_printed, rows_of

PAGE = Page("speed")
BATCHES = 117  # per epoch
TIMED = {
    "images/s": "images_per_second", "share of the roofline": "share_of_floor",
    "times torch eager": "times_torch_eager",
    "compile s": "compile_seconds", "peak MB": "peak_megabytes",
}  # fmt: skip


def seconds_per_epoch(steps: int) -> float:
    return rows_of("steps")[f"JAX float32, {steps}"]["milliseconds"] * BATCHES / 1000


def test_frameworks():
    measured = rows_of("frameworks")
    quoted = {row["case"].replace("matmul roofline", "floor"): row for row in PAGE.table("case")}  # as shipped
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
    ours, theirs, ratio = PAGE.table(study)
    for size in list(ours)[1:]:
        jax, torch = measured[f"JAX float32, {size}"], measured[f"torch eager float32, {size}"]
        assert_printed(ours[size], jax["milliseconds"])
        assert_printed(theirs[size], torch["milliseconds"])
        assert_printed(ratio[size], jax["times_torch_eager"])


def test_seeds_steps_and_startup():
    [seeds], [steps] = PAGE.table("seeds in one program"), PAGE.table("D steps")
    for count, printed in list(seeds.items())[1:]:
        assert_printed(printed, rows_of("seeds")[f"JAX float32, {count}"]["milliseconds"])
    for count, printed in list(steps.items())[1:]:
        assert_printed(printed, seconds_per_epoch(int(count)))
    startup = json.loads((RESULTS / "bench" / "startup.json").read_text())
    quoted = PAGE.quoted(r"the first training step ends (.+?) s if an earlier run")
    assert_printed(quoted, startup["cold"], startup["warm"])


def test_the_costs_of_changes():
    costs = json.loads((RESULTS / "bench" / "variants.json").read_text())["changes"]
    quoted = PAGE.quoted(r"R1 and R2 take (.+?)\. An average")
    changes = ("r1_r2", "dragan", "spectral_normalisation", "small_batch")
    assert_printed(quoted, *(costs[change]["times"] for change in changes))
    for free in ("least_squares", "hinge", "averaging", "betas", "cosine"):
        assert costs[free]["times"] == pytest.approx(1, abs=0.03)  # repeats differ by 3 %


def test_times_in_class():
    """part_c4 takes four steps of D in each of its 100 epochs."""
    assert Schedule.parse("4").steps(1) == 4
    minutes = Page("teaching").quoted(r"none; (\d+) minutes to train")
    assert_printed(minutes, 100 * seconds_per_epoch(4) / 60)
    assert 5 * seconds_per_epoch(1) < 30 < 10 * seconds_per_epoch(1) < 60  # half a minute, and a minute
