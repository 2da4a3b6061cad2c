"""The numbers in README's tables are those of experiments/results, whichever tables it has.

A cell is the value of seed 0, "280 ± 29" over three seeds, "221 to 338" for one more run, or "1631 and 3522" of two.
"""

import pytest

from gan_jax.analysis.intervals import interval, prediction
from tests.helpers.printed import MEASURED, RESULTS, ROOT, assert_printed, last, rows_of, tables

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


def test_tables_of_runs():
    checked = 0
    for rows in tables(README):
        heading = next(iter(rows[0]))
        for row in rows:
            runs = seeds_of(NAMES.get(row[heading], row[heading].strip("`")))
            if not runs or not MEASURED.keys() & row.keys():
                continue
            for title in MEASURED.keys() & row.keys():
                assert_cell(row[title], [last(run)[MEASURED[title]] for run in runs])
                checked += 1
    assert checked >= 6


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
