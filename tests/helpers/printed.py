"""Numbers printed in documents, and the shipped runs that they come from."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from gan_jax.analysis.intervals import Interval, prediction
from gan_jax.runs.run_dir import RunDir

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"
SEEDS = ("part_a", "part_a-seed_1", "part_a-seed_2")
MEASURED = {
    "Fréchet": "frechet", "precision": "precision", "recall": "recall", "density": "density", "coverage": "coverage",
    "classes": "classes_covered", "KL": "kl_to_uniform", "share of 1s": "digit_share_1", "nearest": "nearest_ratio",
}  # fmt: skip


class Page:
    """A page in docs: its `text`, and the same in one `line`, where a sentence is not broken."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        self.line = " ".join(self.text.split())

    def quoted(self, pattern: str) -> str:
        """Return the groups of the pattern's one match in the line."""
        [found] = re.finditer(pattern, self.line)
        return " ".join(found.groups())

    def table(self, heading: str) -> list[dict[str, str]]:
        """Return the rows of the one table whose first column has this title."""
        [found] = [rows for rows in tables(self.text) if next(iter(rows[0])) == heading]
        return found


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the rows of every Markdown table, by column title."""
    found = []
    for lines in re.findall(r"^(\|.*\n(?:\|.*\n)+)", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def assert_printed(text: str, *values: float) -> None:
    """Assert that the numbers in a text are these values, each to its printed digits."""
    printed = re.findall(r"-?\d+(?:\.(\d+))?", text.replace("**", ""))
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text.replace("**", ""))
    assert numbers == [f"{value:.{len(digits)}f}" for digits, value in zip(printed, values, strict=True)], text


def metrics_of(name: str) -> Mapping:
    """Return the columns of a shipped run's metrics.csv."""
    return RunDir(RESULTS / name).read_metrics()


def last(name: str) -> Mapping[str, float]:
    """Return a shipped run's metrics after its last epoch."""
    return {column: float(values[-1]) for column, values in metrics_of(name).items()}


def range_of_one_more(column: str) -> Interval:
    """Return the 95 % prediction interval of one more run of part_a."""
    return prediction([last(name)[column] for name in SEEDS])


def rows_of(study: str) -> dict[str, dict[str, float]]:
    """Return a benchmark's measurements by case."""
    with (RESULTS / "bench" / f"{study}.csv").open(encoding="utf-8") as file:
        return {
            row["arm"]: {name: float(value) for name, value in row.items() if name not in ("study", "arm") and value}
            for row in csv.DictReader(file)
        }
