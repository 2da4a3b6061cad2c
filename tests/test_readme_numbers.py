"""The numbers in README's tables are those of experiments/results, whichever tables it has.

A cell is the value of seed 0, "280 ± 29" over three seeds, "221 to 338" for one more run, or "1631 and 3522" of two.
"""

import re

import numpy as np
import pytest

from gan_jax.analysis.intervals import interval, prediction
from gan_jax.analysis.metrics import by_digit
from tests.helpers.printed import RESULTS, ROOT, assert_printed, last, metrics_of, rows_of, tables

README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMES = {"one more `part_a`": "part_a", "`part_a`, seeds 0 to 2": "part_a"}  # rows that are not named after their run
CASES = {"ms per iteration": "milliseconds", "images/s": "images_per_second", "times torch eager": "times_torch_eager"}


def seeds_of(name: str) -> list[str]:
    """Return the shipped runs of a name, by seed, from the results or from the study of improvements."""
    folders = [f"{parent}{name}{seed}" for seed in ("", "-seed_1", "-seed_2") for parent in ("", "improvements/")]
    return [folder for folder in folders if (RESULTS / folder / "metrics.csv").is_file()]


def assert_cell(text: str, values: list[float]) -> None:
    """Assert that a cell is the value of the first seed, or what its form says of all."""
    confidence, one_more = interval(values), prediction(values)
    if " to " in text:
        assert_printed(text, one_more.mean - one_more.spread, one_more.mean + one_more.spread)
    elif " and " in text:
        assert_printed(text, *values)
    elif "±" in text:
        assert any(_is_printed(text, found.mean, found.spread) for found in (confidence, one_more)), (text, values)
    else:
        assert_printed(text, values[0])


def _is_printed(text: str, *values: float) -> bool:
    try:
        assert_printed(text, *values)
    except AssertionError:
        return False
    return True


def finding(number: int) -> str:
    """Return an item of what was found, in one line."""
    [text] = re.findall(rf"^{number}\. (.+?)(?=^\d\. |^$)", README, re.MULTILINE | re.DOTALL)
    return " ".join(text.split())


def test_what_was_found():
    """Each number in the eight findings is that of the shipped runs."""
    part_a = [last(run) for run in seeds_of("part_a")]
    found = interval([run["frechet"] for run in part_a])
    assert_printed(finding(1).split("distance ")[1].split(" over")[0], found.mean, found.spread)
    assert all(run["classes_covered"] == 10 for run in part_a)
    assert "(below 1e-12 at the end)" in finding(2)
    assert [last(run)["fake_probability"] < 1e-12 for run in seeds_of("part_b")] == [True] * 3
    assert all(last(run)["precision"] == 0 for run in seeds_of("part_b"))
    assert f"draws {100 * last('part_c4')['digit_share_1']:.0f} % ones" in finding(3)
    reals = by_digit(metrics_of("part_c4"), "digit_real_probability")[-1]
    assert f"its answer for real ones is {reals[1]:.2f}" in finding(3)
    assert "it is above 0.97" in finding(3)
    assert np.delete(reals, 1).min() > 0.97
    assert_printed(finding(4).split("distances ")[1].rstrip("."), *(last(f"part_c{n}")["frechet"] for n in (1, 2)))
    c3 = last("part_c3")
    [recalls, ones] = re.findall(r"\((.+?)\)", finding(5))
    assert_printed(recalls.replace("recall ", ""), c3["recall"], interval([run["recall"] for run in part_a]).mean)
    assert ones == f"{100 * c3['digit_share_1']:.0f} %"
    smoothed = [interval([last(run)["frechet"] for run in seeds_of(name)]) for name in ("part_c5", "part_c6")]
    quoted = finding(6).split("distances ")[1].split(" over three seeds")[0]
    assert_printed(quoted, *(value for each in smoothed for value in (each.mean, each.spread)))
    assert [each.n for each in (found, *smoothed)] == [3] * 3
    seeds = {number: len(seeds_of(f"part_{name}")) for number, name in ((2, "b"), (3, "c4"), (4, "c1"), (5, "c3"))}
    assert seeds == {2: 3, 3: 1, 4: 1, 5: 1}
    assert "Items 3, 4 and 5 rest on one seed, compared with three of `part_a`." in README
    best = interval([last(run)["frechet"] for run in seeds_of("part_best")])
    assert_printed(finding(7).split("distance ")[1].split(", a")[0], best.mean, best.spread)
    assert round(found.mean / best.mean) == 17
    assert "a seventeenth" in finding(7)
    modes = [last(name)["modes"] for name in ("stacked_mnist", "stacked_mnist-seed_1")]
    assert_printed(finding(8).split("draws ")[1].split(" of ")[0], *modes)
    floor = re.findall(r"real images against real ones is (.+?)\.\n", README)
    assert_printed(floor[0], part_a[0]["frechet_floor"])


def test_computed_times_without_avx512():
    """All parts are as much work as 1056 epochs of part_a."""
    rows = {row[""]: row["two cores without"] for rows in tables(README) for row in rows if "two cores without" in row}
    seconds = [float(number) for number in re.findall(r"\d+", rows["an epoch of `part_a`"])]
    hours = re.findall(r"\d+", rows["all eight parts, 100 epochs each"])
    assert hours == [f"{1056 * each / 3600:.0f}" for each in seconds]
    assert "computed from that" in " ".join(README.split())


def test_tables_of_timings():
    """README may have none."""
    measured = rows_of("frameworks")
    for row in (row for rows in tables(README) for row in rows if "ms per iteration" in row):
        case = measured[row["case"].replace("matmul roofline", "floor")]  # as it is shipped
        for title in CASES.keys() & row.keys():
            if row[title] != "-":
                assert_printed(row[title].split(" (")[0], case[CASES[title]])


@pytest.mark.parametrize(
    ("text", "fits"), [("280 ± 29", True), ("281 ± 29", False), ("221 to 338", True), ("267", True)]
)
def test_a_wrong_number_is_found(text, fits):
    values = [last(run)["frechet"] for run in seeds_of("part_a")]
    if fits:
        assert_cell(text, values)
    else:
        with pytest.raises(AssertionError):
            assert_cell(text, values)
