"""Charts of metrics as plain data, which matplotlib draws in figures and uPlot on pages."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.glossary import MEANINGS
from gan_jax.analysis.intervals import aggregate_seeds
from gan_jax.analysis.judgement import LOOK_REAL, sample_states
from gan_jax.analysis.metrics import METRICS, GroupedMetrics, Metrics, digit_shares
from gan_jax.errors import require
from gan_jax.utils.text import unknown

SIGNIFICANT = 5  # digits of a value
GROUP_COLORS = 8  # color names run-0 to run-7

Values = Sequence[float | None]  # None where there is nothing to draw


class Line(NamedTuple):
    """Line of a chart, and the thin lines of its seeds."""

    label: str
    color: str  # a name in gan_jax.plotting.style.COLORS
    values: Values
    seeds: Sequence[Values] = ()
    dash_style: int = 0  # 0: solid; n: a pattern of dashes, as in gan_jax.plotting.style
    points: bool = False  # connected points: the metric was measured after some epochs only
    hidden: bool = False  # on a page, only listed in the legend until it is chosen there


class Chart(NamedTuple):
    """Lines over a common axis; each has as many values as x."""

    title: str
    x: Sequence[float]
    lines: Sequence[Line]
    unit: str = ""  # title of the axis of the values: their quantity or unit
    x_title: str = "epoch"
    logarithmic: bool = False
    x_logarithmic: bool = False  # symmetric, so that it starts at 0
    limits: tuple[float | None, float | None] | None = None  # of the values' axis, if known
    bounds: tuple[float, float] | None = None  # which an axis that fits the values does not go beyond
    about: str = ""  # explanation of the values, for a beginner


class Bars(NamedTuple):
    """Share of each digit among the samples after the last epoch: ten values for each group of runs."""

    colors: Sequence[str]
    shares: Mapping[str, Sequence[float]]  # means over the seeds
    seeds: Mapping[str, Sequence[Sequence[float]]]
    title: str = "Share of each digit among the samples"


def numbers(values: np.ndarray, logarithmic: bool = False) -> list[float | None]:
    """Round float64 (n,) for a chart; values that are not finite, or have no logarithm, become None."""
    shown = np.isfinite(values) & ((values > 0) | (not logarithmic))
    return [float(f"{value:.{SIGNIFICANT}g}") if show else None for value, show in zip(values, shown, strict=True)]


def line(
    label: str,
    color: str,
    runs: Sequence[Metrics],
    name: str,
    *,
    logarithmic: bool = False,
    dash_style: int = 0,
    epochs: int | None = None,
) -> Line:
    """Make the line of a column of metrics.csv: the mean over the seeds, and each seed.

    It has `epochs` values, by default as many as the shortest seed; they are None after the end of the runs.
    """
    length = min(len(metrics["epoch"]) for metrics in runs)
    length = length if epochs is None else min(length, epochs)
    rows = np.array([metrics.get(name, np.full(length, math.nan))[:length] for metrics in runs])
    finite = np.isfinite(rows).all(axis=0)
    center = np.full(length, math.nan)
    center[finite] = aggregate_seeds(rows[:, finite], logarithmic)
    rest = [None] * ((epochs or length) - length)
    seeds = [numbers(row, logarithmic) + rest for row in rows] if len(rows) > 1 else []
    points = 0 < int(finite.sum()) < max(length, 2)
    return Line(label, color, numbers(center, logarithmic) + rest, seeds, dash_style, points)


def level(label: str, color: str, value: float, length: int) -> Line:
    """Make a dashed horizontal line."""
    return Line(label, color, [float(f"{value:.{SIGNIFICANT}g}")] * length, dash_style=1)


def losses(runs: Sequence[Metrics], equilibrium: tuple[float, float]) -> Chart:
    """Chart both losses and their values at D = 1/2, which `losses.adversarial.losses_at_half` gives."""
    x = _epochs(runs)
    names = ("discriminator", "generator")
    lines = [line(name, name, runs, f"{name}_loss") for name in names]
    lines += [
        level(f"{format_log2(value)}: {name} at D = 1/2", name, value, len(x))
        for name, value in zip(names, equilibrium, strict=True)
    ]
    return Chart("Losses", x, lines, "mean of the epoch", about=_explain("discriminator_loss", "generator_loss"))


def discriminator_output(runs: Sequence[Metrics]) -> Chart:
    """Chart D's mean output on real and on generated images, and its accuracy."""
    x = _epochs(runs)
    lines = [
        line("D(x), real", "discriminator", runs, "real_probability"),
        line("D(G(z)), generated", "generator", runs, "fake_probability"),
        line("accuracy of D", "accuracy", runs, "discriminator_accuracy"),
        level("1/2: chance", "reference", 0.5, len(x)),
    ]
    about = _explain("real_probability", "fake_probability", "discriminator_accuracy")
    return Chart("Output of D", x, lines, "mean of the epoch", limits=(0, 1), about=about)


def gradient_norms(runs: Sequence[Metrics]) -> Chart:
    """Chart the gradient norms of both networks."""
    names = ("discriminator", "generator")
    lines = [line(name, name, runs, f"{name}_gradient_norm", logarithmic=True) for name in names]
    about = _explain(*(f"{name}_gradient_norm" for name in names))
    return Chart("Gradient norm", _epochs(runs), lines, "mean of the epoch", logarithmic=True, about=about)


def compare_metric(groups: GroupedMetrics, name: str, logarithmic: bool | None = None) -> Chart | None:
    """Chart one metric of several groups of runs; None if no group has it.

    Args:
        groups: the metrics of each seed.
        name: one of METRICS.
        logarithmic: whether the axis is logarithmic; None for the metric's usual scale.

    Raises:
        UserError: if the name is not in METRICS.
    """
    require(name in METRICS, unknown("metric", name, METRICS))
    metric = METRICS[name]
    logarithmic = metric.logarithmic if logarithmic is None else logarithmic
    present = [
        (index, group, runs)
        for index, (group, runs) in enumerate(groups.items())
        if any(name in metrics for metrics in runs)
    ]
    if not present:
        return None
    x = max((_epochs(runs) for *_, runs in present), key=len)
    lines = []
    for index, group, runs in present:
        dash_style, color = divmod(index, GROUP_COLORS)
        measured = [metrics for metrics in runs if name in metrics]
        style = {"color": f"run-{color}", "dash_style": dash_style}
        lines.append(line(group, runs=measured, name=name, logarithmic=logarithmic, epochs=len(x), **style))
    limits = (None, metric.maximum) if logarithmic and metric.maximum is not None else None
    title = metric.label[0].upper() + metric.label[1:]
    return Chart(
        title,
        x,
        lines,
        metric.axis or metric.label,
        logarithmic=logarithmic,
        limits=limits,
        bounds=None if logarithmic or metric.maximum is None else (0, metric.maximum),
        about=MEANINGS.get(name, ""),
    )


def compare_metrics(groups: GroupedMetrics, names: Sequence[str]) -> list[Chart]:
    """Chart each of these metrics that any group has."""
    return [chart for name in names if (chart := compare_metric(groups, name)) is not None]


def with_few_shown(chart: Chart, labels: Collection[str]) -> Chart:
    """Hide the lines with other labels, unless that would hide all lines."""
    if not any(line.label in labels for line in chart.lines):
        return chart
    return chart._replace(lines=[line._replace(hidden=line.label not in labels) for line in chart.lines])


def digit_bars(groups: GroupedMetrics) -> Bars | None:
    """Average the digits' shares over the seeds whose samples look real; None if no group has any."""
    last = {group: np.array([_shares_of_digits(metrics) for metrics in runs]) for group, runs in groups.items()}
    seeds = {group: shares[np.isfinite(shares).all(axis=1)] for group, shares in last.items()}
    present = [group for group in seeds if len(seeds[group])]
    if not present:
        return None
    colors = [f"run-{index % GROUP_COLORS}" for index, group in enumerate(seeds) if group in present]
    shares = {group: [float(f"{share:.3g}") for share in seeds[group].mean(axis=0)] for group in present}
    return Bars(colors, shares, {group: seeds[group].tolist() for group in present})


def _shares_of_digits(metrics: Metrics) -> np.ndarray:
    """Return each digit's share after the last epoch; NaN if samples do not look real, since noise has digits, too."""
    shares = digit_shares(metrics)[-1]
    return shares if sample_states(metrics)[-1] in LOOK_REAL else np.full_like(shares, math.nan)


def format_log2(value: float) -> str:
    """Format a number, or if it is a multiple of log 2, as cross-entropies at D = 1/2 are, that multiple."""
    multiple = round(value / math.log(2))
    if multiple == 0 or not math.isclose(value, multiple * math.log(2), rel_tol=1e-6):
        return f"{value:.3g}"
    return {1: "log 2", -1: "-log 2"}.get(multiple, f"{multiple} log 2")


def _explain(*names: str) -> str:
    return " ".join(MEANINGS[name] for name in names)


def _epochs(runs: Sequence[Metrics]) -> list[int]:
    """Return the epochs from 1 to the last that every seed has reached."""
    return list(range(1, 1 + min(len(metrics["epoch"]) for metrics in runs)))
