"""The panels that figures are made of: one quantity over the epochs, of one run or of several.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart: each quantity keeps its own throughout.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from gan_jax.analysis.metrics import Metrics
from gan_jax.utils.text import for_figure

GENERATOR, DISCRIMINATOR, ACCURACY = "#D55E00", "#0072B2", "#009E73"
# Without their yellow, which is faint on white; the last is Tol's (2021) wine.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
RUN_STYLES = ("-", (0, (6, 1.5)), (0, (6, 1.5, 1.5, 1.5)))  # three beside eight colours: 24 lines before one returns
EQUILIBRIUM = "#777777"

CURVES = {  # what every epoch has: a label and a scale
    "discriminator_loss": ("discriminator's loss", "linear"),
    "generator_loss": ("generator's loss", "linear"),
    "fake_probability": ("D(G(z))", "log"),
    "generator_gradient_norm": ("norm of G's gradient", "log"),
}
OF_THE_REAL = {"real_probability": ("D(x)", "linear")}  # what tells runs of other targets apart
MEASURED = {  # what only some epochs have
    "frechet": ("classifier Fréchet distance", "log"),
    "coverage": ("coverage", "linear"),
    "modes": ("modes of stacked digits", "linear"),
}

Groups = Mapping[str, Sequence[Metrics]]  # by name, the metrics of each seed, the baseline first
LineStyle = str | tuple[int, tuple[float, ...]]
Looks = Mapping[str, tuple[str, LineStyle]]  # of each group: a colour and a line style


def _epoch_axis(axis: Axes) -> None:
    """Whole epochs to the right, a faint grid, no box."""
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def _shown(axis: Axes, values: np.ndarray) -> np.ndarray:
    """Replace what is not above 0 by NaN on a logarithmic axis: it leaves a gap there, not a line to the bottom."""
    return np.where(values > 0, values, np.nan) if axis.get_yscale() == "log" else values


def _line(axis: Axes, metrics: Metrics, name: str, label: str, colour: str, style: LineStyle = "-") -> None:
    """A column of one run."""
    epochs = metrics["epoch"]
    marker = "o" if len(epochs) == 1 else None  # a single point draws no line
    values = _shown(axis, metrics[name])
    axis.plot(epochs, values, label=label, color=colour, linestyle=style, marker=marker, linewidth=1.6)


def _tidy(axis: Axes, last_epoch: float) -> None:
    """Whole epochs on one axis; on a logarithmic other one at least a decade, so that equal values look equal."""
    if last_epoch == 1:
        axis.set(xlim=(0.5, 1.5), xticks=[1])
    if axis.get_yscale() != "log":
        return
    low, high = axis.get_ylim()
    if high < 10 * low:
        aggregate_seeds = math.sqrt(low * high)
        low, high = axis.set_ylim(aggregate_seeds / math.sqrt(10), aggregate_seeds * math.sqrt(10))
    if high < 1000 * low:
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.yaxis.set_minor_formatter("{x:g}")


def format_log2(value: float) -> str:
    """A number; a multiple of log 2, which cross entropies are where D = 1/2, as that."""
    multiple = round(value / math.log(2))
    if multiple == 0 or not math.isclose(value, multiple * math.log(2), rel_tol=1e-6):
        return f"{value:.3g}"
    return {1: "log 2", -1: "-log 2"}.get(multiple, f"{multiple} log 2")


def losses(axis: Axes, runs: Sequence[Metrics], undecided: tuple[float, float]) -> None:
    """Both networks' losses, with the values that they take where D = 1/2, `equilibrium_losses`."""
    for name, colour, value in zip(("discriminator", "generator"), (DISCRIMINATOR, GENERATOR), undecided, strict=True):
        _mean_and_each(axis, runs, f"{name}_loss", name, colour)
        label = f"{format_log2(value)}, {name} at D = 1/2"
        axis.axhline(value, color=colour, linestyle=(0, (4, 3)), linewidth=1, label=label)
    _finish(axis, runs, "mean loss of the epoch")


def verdicts(axis: Axes, runs: Sequence[Metrics]) -> None:
    """Plot D's mean output on real and on generated images."""
    _mean_and_each(axis, runs, "real_probability", "D(x), real", DISCRIMINATOR)
    _mean_and_each(axis, runs, "fake_probability", "D(G(z)), generated", GENERATOR)
    axis.axhline(0.5, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    axis.set(ylim=(-0.02, 1.4), yticks=np.linspace(0, 1, 5))  # above 1 there is room for a legend
    _finish(axis, runs, "mean verdict of D")


def gradient_norms(axis: Axes, runs: Sequence[Metrics]) -> None:
    """Plot the gradient norms of both networks."""
    axis.set_yscale("log")
    _mean_and_each(axis, runs, "discriminator_gradient_norm", "discriminator", DISCRIMINATOR)
    _mean_and_each(axis, runs, "generator_gradient_norm", "generator", GENERATOR)
    _finish(axis, runs, "norm of the gradient")


def accuracy(axis: Axes, runs: Sequence[Metrics]) -> None:
    """Plot D's accuracy."""
    _mean_and_each(axis, runs, "discriminator_accuracy", "accuracy", ACCURACY)
    axis.axhline(0.5, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    axis.set_ylim(0.45, 1.02)
    _finish(axis, runs, "accuracy of D (1/2: cannot tell)")


def _finish(axis: Axes, runs: Sequence[Metrics], title: str) -> None:
    _epoch_axis(axis)
    axis.set_title(title)
    _tidy(axis, max(metrics["epoch"][-1] for metrics in runs))


def styles_for(groups: Iterable[str]) -> Looks:
    """A look for each group, in order."""
    return dict(zip(groups, zip(cycle(RUN_COLOURS), cycle(RUN_STYLES), strict=False), strict=False))


def compare_metric(axis: Axes, groups: Groups, name: str) -> None:
    """One of CURVES, OF_THE_REAL or MEASURED, of every group, with the curves' labels for a legend."""
    label, scale = {**CURVES, **OF_THE_REAL, **MEASURED}[name]
    axis.set_yscale(scale)
    for (group, look), runs in zip(styles_for(groups).items(), groups.values(), strict=True):
        if name in MEASURED:
            _measurements(axis, runs, name, *look)
        else:
            _mean_and_each(axis, runs, name, for_figure(group), *look)
    _finish(axis, [metrics for runs in groups.values() for metrics in runs], label)
    if name == "fake_probability":  # nothing is above 1, and below there is a decade at least
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, 0.1), min(high, 1))


def traced(groups: Groups) -> list[str]:
    """List the entries of MEASURED that any run has at two epochs or more."""
    return [
        name
        for name in MEASURED
        if any(name in run and np.isfinite(run[name]).sum() > 1 for runs in groups.values() for run in runs)
    ]


def _mean_and_each(
    axis: Axes, runs: Sequence[Metrics], name: str, label: str, colour: str, style: LineStyle = "-"
) -> None:
    """The middle of the seeds, up to the epoch that all have reached, over a thin line for each seed."""
    if len(runs) > 1:
        for metrics in runs:
            axis.plot(metrics["epoch"], _shown(axis, metrics[name]), color=colour, linewidth=0.5, alpha=0.5)
    epochs = min(len(metrics[name]) for metrics in runs)
    values = np.array([metrics[name][:epochs] for metrics in runs])
    centre = aggregate_seeds(values, axis.get_yscale() == "log")
    _line(axis, {"epoch": runs[0]["epoch"][:epochs], name: centre}, name, label, colour, style)


def aggregate_seeds(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    """The mean over seeds; on a logarithmic axis, where the largest alone would decide it, the geometric one.

    With a zero among the values it is the median at every epoch, lest the line jump from one to the other.

    Args:
        values: float64 (seeds, epochs), not negative if logarithmic.

    Returns:
        float64 (epochs,).
    """
    if len(values) == 1 or not logarithmic:
        return values.mean(axis=0)
    average = np.median if (values == 0).any() else np.mean
    with np.errstate(divide="ignore"):
        return 10.0 ** average(np.log10(values), axis=0)


def _measurements(axis: Axes, runs: Sequence[Metrics], name: str, colour: str, style: LineStyle) -> None:
    """Plot a metric that only some epochs have, as points; a gap where a seed of the group lacks it."""
    runs = [metrics for metrics in runs if name in metrics]
    if not runs:
        return
    epochs = min(len(metrics[name]) for metrics in runs)
    values = np.array([metrics[name][:epochs] for metrics in runs])
    measured = np.isfinite(values).any(axis=0)
    where, values = runs[0]["epoch"][:epochs][measured], _shown(axis, values[:, measured])
    if len(runs) > 1:
        for each in values:
            axis.plot(where, each, color=colour, linewidth=0.5, alpha=0.5, marker=".", markersize=3)
    centre = aggregate_seeds(values, axis.get_yscale() == "log")
    axis.plot(where, centre, color=colour, linestyle=style, marker="o", markersize=4, linewidth=1.6)


def digit_shares(groups: Groups) -> dict[str, np.ndarray]:
    """Collect each digit's share after the last epoch, float64 (seeds, 10) a group, for the groups that have any."""
    names = [f"digit_share_{digit}" for digit in range(10)]
    found = {}
    for group, runs in groups.items():
        values = [[run[name][-1] for name in names] for run in runs if all(name in run for name in names)]
        shares = np.array(values).reshape(-1, 10)
        found[group] = shares[np.isfinite(shares).all(axis=1)]
    return {group: shares for group, shares in found.items() if len(shares)}


def digit_bars(axis: Axes, groups: Groups) -> None:
    """A bar a digit and group, the mean over seeds, with a dot for each seed of several."""
    looks, found = styles_for(groups), digit_shares(groups)
    width = 0.84 / len(found)
    for place, (group, values) in enumerate(found.items()):
        middles = np.arange(10) - 0.42 + width * (place + 0.5)
        axis.bar(middles, values.mean(axis=0), width, color=looks[group][0])
        if len(values) > 1:
            places = np.tile(middles, len(values))
            axis.scatter(places, values.ravel(), s=9, color="white", edgecolors="black", linewidths=0.6, zorder=3)
    axis.axhline(0.1, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    axis.set(title="share of each digit among the samples (dashed: 1/10)", xlabel="digit", xticks=range(10))
    axis.grid(alpha=0.25, axis="y")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
