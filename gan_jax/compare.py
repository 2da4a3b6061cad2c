"""Tables and intervals over several runs, and in words what distinguishes a run from its baseline."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from gan_jax.config import Config
from gan_jax.figures import Metrics

# Where D(G(z)) is below the one and G's gradient this many times below the baseline's, G has stopped learning.
DEAD_PROBABILITY = 1e-6
DEAD_RATIO = 1e4
FAINT_RATIO = 100

# Columns of a table: of metrics.csv at the last epoch, with a heading and a format.
COLUMNS = (
    ("epoch", "epochs", "{:.0f}"),
    ("discriminator_loss", "D loss", "{:.3g}"),
    ("generator_loss", "G loss", "{:.3g}"),
    ("fake_probability", "D(G(z))", "{:.2g}"),
    ("generator_gradient_norm", "G gradient", "{:.2g}"),
    ("frechet", "Fréchet", "{:.1f}"),
    ("frechet_floor", "floor", "{:.1f}"),
    ("n", "samples", "{:.0f}"),
    ("density", "density", "{:.2f}"),
    ("coverage", "coverage", "{:.2f}"),
    ("classes_covered", "classes", "{:.1f}"),
    ("kl_to_uniform", "KL", "{:.2f}"),
    ("digit_share_1", "share of 1s", "{:.2f}"),
    ("nearest_ratio", "nearest", "{:.2f}"),
)


class Run(NamedTuple):
    """A run as comparisons see it, after the last of its metrics' epochs."""

    config: Config
    metrics: Metrics
    samples: np.ndarray  # its newest grid of samples, uint8 (height, width)
    sampled_epoch: int  # of that grid
    data: str = ""  # SHA-256 of its data set
    trainer: str = "jax"  # what trained it
    path: str = ""  # where it lies, which tells runs of one name apart

    @property
    def epochs(self) -> int:
        return int(self.metrics["epoch"][-1])


class Interval(NamedTuple):
    """A mean over n runs and the half width of its 95 % interval by Student's t; NaN where n is 1."""

    mean: float
    half_width: float
    n: int


def interval(values: Sequence[float]) -> Interval:
    """The mean of one value a run, and how far it may be off."""
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Interval(mean, math.nan, 1)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, float(stdtrit(n - 1, 0.975)) * error, n)


def by_seed(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that differ in the seed alone, together under the name that they share, in the order given.

    Runs of different settings, data, lengths or trainers are never taken together, nor are two of one seed: what would
    then share a name is told apart by its path.
    """
    groups: list[list[Run]] = []
    for run in runs:
        group = next((group for group in groups if _is_another_seed(run, group)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    names = [
        group[0].config.name.removesuffix(f"-seed_{group[0].config.seed}") if len(group) > 1 else group[0].config.name
        for group in groups
    ]
    return {
        name if names.count(name) == 1 else f"{name} ({group[0].path})": group
        for name, group in zip(names, groups, strict=True)
    }


def _is_another_seed(run: Run, group: Sequence[Run]) -> bool:
    """Whether a run differs from those of a group in the seed, and in nothing else that matters."""

    def rest(run: Run) -> tuple[Config, int, str, str]:
        return replace(run.config, name="run", seed=0, epochs=1), run.epochs, run.data, run.trainer

    return rest(run) == rest(group[0]) and run.config.seed not in [other.config.seed for other in group]


def table(groups: Mapping[str, Sequence[Run]]) -> list[dict[str, Interval]]:
    """The last epoch's values of each group by column, for the columns that any run has; no run is left out."""
    rows = []
    for runs in groups.values():
        rows.append(
            {
                column: interval([float(run.metrics[column][-1]) for run in runs])
                for column, _, _ in COLUMNS
                if all(column in run.metrics for run in runs)
            }
        )
    return rows


def _cells(groups: Mapping[str, Sequence[Run]]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows of text, for people."""
    rows = table(groups)
    columns = [column for column in COLUMNS if any(column[0] in row for row in rows)]
    heading = ["run", "seeds", *(title for _, title, _ in columns)]
    cells = [
        [name, str(len(runs)), *(_cell(row.get(column), form) for column, _, form in columns)]
        for (name, runs), row in zip(groups.items(), rows, strict=True)
    ]
    return heading, cells


def _cell(value: Interval | None, form: str) -> str:
    if value is None or math.isnan(value.mean):
        return "-"
    spread = "" if value.n == 1 or value.half_width == 0 else f" ± {form.format(value.half_width)}"
    return form.format(value.mean) + spread


def as_text(groups: Mapping[str, Sequence[Run]]) -> str:
    """The table for a terminal: a run a column, since runs are fewer than measurements."""
    heading, cells = _cells(groups)
    lines = list(zip(heading, *cells, strict=True))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_markdown(groups: Mapping[str, Sequence[Run]]) -> str:
    """The table for a README: a group a row, mean ± half width of the 95 % interval."""
    heading, cells = _cells(groups)
    lines = [heading, ["---"] * len(heading), *cells]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def as_csv(groups: Mapping[str, Sequence[Run]]) -> str:
    """The table for programs: mean and half width in columns of their own, in full precision."""
    rows = table(groups)
    columns = [column for column, _, _ in COLUMNS if any(column in row for row in rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "seeds", *(part for column in columns for part in (column, f"{column}_half_width"))])
    for (name, runs), row in zip(groups.items(), rows, strict=True):
        missing = Interval(math.nan, math.nan, 0)
        values = [part for column in columns for part in row.get(column, missing)[:2]]
        writer.writerow([name, len(runs), *("" if math.isnan(value) else repr(value) for value in values)])
    return text.getvalue()


def explain_saturation(name: str, run: Metrics, baseline_name: str, baseline: Metrics) -> str:
    """Two sentences on why a run's generator learns or does not, against a baseline at the last epoch of both.

    Args:
        name, baseline_name: of the runs.
        run, baseline: their metrics, of at least one epoch each.
    """
    epoch = int(min(run["epoch"][-1], baseline["epoch"][-1]))
    verdict, baseline_verdict = (float(metrics["fake_probability"][epoch - 1]) for metrics in (run, baseline))
    norm, baseline_norm = (float(metrics["generator_gradient_norm"][epoch - 1]) for metrics in (run, baseline))
    ratio = math.inf if norm == 0 else baseline_norm / norm
    if verdict < DEAD_PROBABILITY and ratio > DEAD_RATIO:
        outcome = "G no longer learns: its gradient is in proportion to D(G(z)) and has vanished with it"
    elif ratio > FAINT_RATIO:
        outcome = "G hardly learns: its gradient has almost vanished"
    elif ratio > 1 / FAINT_RATIO:
        outcome = "G receives a gradient of much the same size"
    else:
        outcome = "G receives a far larger one"
    compared = f"{ratio:.2g} times less" if ratio >= 1 else f"{1 / ratio:.2g} times more"
    if 1 / 2 < ratio < 2:
        compared = "about the same"
    return (
        f"At epoch {epoch} the mean D(G(z)) is {verdict:.2g} in {name} and {baseline_verdict:.2g} in {baseline_name}. "
        f"The gradient that reaches G has norm {norm:.2g} against {baseline_norm:.2g}, {compared}, and "
        f"{outcome}."
    )
