"""Metrics as charts that a page draws: plain data, in the colours that `figures` gives the same quantities."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.metrics import Metrics
from gan_jax.plotting.panels import (
    ACCURACY,
    DISCRIMINATOR,
    EQUILIBRIUM,
    GENERATOR,
    RUN_COLOURS,
    aggregate_seeds,
    format_log2,
)

# Names of custom properties in the page's style sheet, whose dark theme has lighter ones of some.
COLOURS = {
    "generator": GENERATOR,
    "discriminator": DISCRIMINATOR,
    "accuracy": ACCURACY,
    "reference": EQUILIBRIUM,
    **{f"run-{place}": colour for place, colour in enumerate(RUN_COLOURS)},
}
BASELINE, OTHER = "run-0", "run-1"  # of two that are compared
DIGITS = 5  # significant, of a value in the page

Values = Sequence[float | None]  # None where there is nothing to draw


class Line(NamedTuple):
    """A line of a chart, and those of its seeds, which are drawn thin and shown and hidden with it."""

    label: str
    colour: str  # one of COLOURS
    values: Values
    seeds: Sequence[Values] = ()
    dashed: bool = False
    points: bool = False  # what only some epochs have: points, and lines from one to the next


class Chart(NamedTuple):
    """Lines over one axis; all have as many values as x."""

    title: str
    x: Sequence[float]
    lines: Sequence[Line]
    unit: str = ""  # of the values, beside the axis
    x_title: str = "epoch"
    logarithmic: bool = False
    x_logarithmic: bool = False  # from 0 on
    limits: tuple[float, float] | None = None  # of the values' axis, where they are known


Groups = Mapping[str, Sequence[Metrics]]  # of each group of runs, the metrics of each seed


def numbers(values: np.ndarray, logarithmic: bool = False) -> list[float | None]:
    """float64 (n,) as a page can show it: rounded, and None for what is not finite or has no logarithm."""
    shown = np.isfinite(values) & ((values > 0) | (not logarithmic))
    return [float(f"{value:.{DIGITS}g}") if there else None for value, there in zip(values, shown, strict=True)]


def line(
    label: str,
    colour: str,
    runs: Sequence[Metrics],
    name: str,
    *,
    logarithmic: bool = False,
    dashed: bool = False,
    epochs: int | None = None,
) -> Line:
    """A column of metrics.csv over the epochs: the middle of the seeds over each of them, as `figures` draws it.

    The line has so many `epochs`, or as many as the shortest seed; after its runs' end it is empty.
    """
    length = min(len(metrics["epoch"]) for metrics in runs)
    length = length if epochs is None else min(length, epochs)
    rows = np.array([metrics.get(name, np.full(length, math.nan))[:length] for metrics in runs])
    finite = np.isfinite(rows).all(axis=0)
    centre = np.full(length, math.nan)
    centre[finite] = aggregate_seeds(rows[:, finite], logarithmic)
    rest = [None] * ((epochs or length) - length)
    each = [numbers(row, logarithmic) + rest for row in rows] if len(rows) > 1 else []
    return Line(
        label, colour, numbers(centre, logarithmic) + rest, each, dashed, points=0 < int(finite.sum()) < max(length, 2)
    )


def level(label: str, colour: str, value: float, length: int) -> Line:
    """A dashed line at one value."""
    return Line(label, colour, [float(f"{value:.{DIGITS}g}")] * length, dashed=True)


def _epochs(runs: Sequence[Metrics]) -> list[float]:
    """1 to the last that every seed has reached."""
    return list(range(1, 1 + min(len(metrics["epoch"]) for metrics in runs)))


def losses(runs: Sequence[Metrics], undecided: tuple[float, float]) -> Chart:
    """Both losses, with the values that they take where D = 1/2, `equilibrium_losses`."""
    x = _epochs(runs)
    of_d, of_g = undecided
    lines = [
        line("discriminator", "discriminator", runs, "discriminator_loss"),
        line("generator", "generator", runs, "generator_loss"),
        level(f"{format_log2(of_d)}: discriminator at D = 1/2", "discriminator", of_d, len(x)),
        level(f"{format_log2(of_g)}: generator at D = 1/2", "generator", of_g, len(x)),
    ]
    return Chart("Losses", x, lines, "mean loss of the epoch")


def verdicts(runs: Sequence[Metrics]) -> Chart:
    """D's mean verdict on real and on generated images, and how often it is right."""
    lines = [
        line("D(x), real", "discriminator", runs, "real_probability"),
        line("D(G(z)), generated", "generator", runs, "fake_probability"),
        line("accuracy of D", "accuracy", runs, "discriminator_accuracy"),
    ]
    return Chart("Verdicts of D", _epochs(runs), lines, "mean of the epoch", limits=(0, 1))


def gradients(runs: Sequence[Metrics]) -> Chart:
    """Chart the gradient norms of both networks."""
    lines = [
        line("discriminator", "discriminator", runs, "discriminator_gradient_norm", logarithmic=True),
        line("generator", "generator", runs, "generator_gradient_norm", logarithmic=True),
    ]
    return Chart("Norm of the gradient", _epochs(runs), lines, "mean of the epoch", logarithmic=True)


def against(groups: Groups, name: str, title: str, *, logarithmic: bool = False, unit: str = "") -> Chart | None:
    """One column of several groups of runs, up to eight with a colour each; None where none of them has it."""
    having = {group: runs for group, runs in groups.items() if all(name in metrics for metrics in runs)}
    if not having:
        return None
    places = {group: place for place, group in enumerate(groups)}
    x = max((_epochs(runs) for runs in having.values()), key=len)
    lines = [
        line(
            group,
            f"run-{places[group] % len(RUN_COLOURS)}",
            runs,
            name,
            logarithmic=logarithmic,
            dashed=places[group] >= len(RUN_COLOURS),
            epochs=len(x),
        )
        for group, runs in having.items()
    ]
    return Chart(title, x, lines, unit, logarithmic=logarithmic)


def with_largest_share(metrics: Metrics) -> Metrics:
    """The metrics with a further column, the share of the digit that most samples show, where that was measured."""
    names = [f"digit_share_{digit}" for digit in range(10)]
    if not all(name in metrics for name in names):
        return metrics
    return {**metrics, "largest_share": np.max([metrics[name] for name in names], axis=0)}


class Bars(NamedTuple):
    """The share of each digit among the samples after the last epoch, by group of runs: ten values each."""

    colours: Sequence[str]
    shares: Mapping[str, Sequence[float]]


def digit_bars(groups: Groups) -> Bars | None:
    """Means over the seeds that have them; None where no group has any."""
    names = [f"digit_share_{digit}" for digit in range(10)]
    shares = {}
    for group, runs in groups.items():
        rows = [[metrics[name][-1] for name in names] for metrics in runs if all(name in metrics for name in names)]
        rows = [row for row in rows if np.isfinite(row).all()]
        if rows:
            shares[group] = [float(f"{share:.3g}") for share in np.mean(rows, axis=0)]
    if not shares:
        return None
    return Bars([f"run-{place}" for place, group in enumerate(groups) if group in shares], shares)
