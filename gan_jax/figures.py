"""Every plot, a function from numbers to a matplotlib figure; no file is touched and no state of pyplot's used.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart: each quantity keeps its own throughout.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from gan_jax.pixels import to_bytes
from gan_jax.text import for_figure

GENERATOR, DISCRIMINATOR, ACCURACY = "#D55E00", "#0072B2", "#009E73"
# Without their yellow, which is faint on white; the last is Tol's (2021) wine.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
RUN_STYLES = ("-", (0, (6, 1.5)), (0, (6, 1.5, 1.5, 1.5)))  # three beside eight colours: 24 lines before one returns
EQUILIBRIUM = "#777777"

Metrics = Mapping[str, np.ndarray]  # the columns of metrics.csv, float64 (epochs,) each
LineStyle = str | tuple[int, tuple[float, ...]]
Looks = Mapping[str, tuple[str, LineStyle]]  # of each group: a colour and a line style


class Sample(NamedTuple):
    """A run's grid of samples, uint8 (height, width), and which it is."""

    seed: int
    epoch: int
    image: np.ndarray


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        _epoch_axis(axis)
    return figure, axes


def _epoch_axis(axis: Axes) -> None:
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def _shown(axis: Axes, values: np.ndarray) -> np.ndarray:
    """What an axis can show: on a logarithmic one zero has no place and leaves a gap, not a line to the bottom."""
    return np.where(values > 0, values, np.nan) if axis.get_yscale() == "log" else values


def _line(axis: Axes, metrics: Metrics, name: str, label: str, colour: str, style: LineStyle = "-") -> None:
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
        middle = math.sqrt(low * high)
        low, high = axis.set_ylim(middle / math.sqrt(10), middle * math.sqrt(10))
    if high < 1000 * low:
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.yaxis.set_minor_formatter("{x:g}")


def _equilibrium(axis: Axes, value: float, text: str, colour: str) -> None:
    """A line where a loss would stand if D could not tell real from generated, D = 1/2 everywhere."""
    axis.axhline(value, color=colour, linestyle=(0, (4, 3)), linewidth=1, label=text)


def learning_curve(metrics: Metrics, title: str, saturating: bool) -> Figure:
    """Both losses over the epochs, with the values that they take where D = 1/2 everywhere."""
    figure, axes = _figure(8, 4.5)
    axis = axes[0, 0]
    _line(axis, metrics, "discriminator_loss", "discriminator", DISCRIMINATOR)
    _line(axis, metrics, "generator_loss", "generator", GENERATOR)
    _equilibrium(axis, 2 * math.log(2), "2 log 2, discriminator at D = 1/2", DISCRIMINATOR)
    sign, text = (-1, "-log 2") if saturating else (1, "log 2")
    _equilibrium(axis, sign * math.log(2), f"{text}, generator at D = 1/2", GENERATOR)
    axis.set_ylabel("mean loss of the epoch")
    axis.set_title(title)
    axis.legend(frameon=False, ncols=2, fontsize=9)
    _tidy(axis, metrics["epoch"][-1])
    return figure


def diagnostics(metrics: Metrics, title: str) -> Figure:
    """What the losses do not tell: D's verdicts, its accuracy, and how much gradient reaches each network."""
    figure, axes = _figure(11, 3.8, 1, 3)
    verdicts, accuracy, norms = axes[0]
    _line(verdicts, metrics, "real_probability", "D(x), real", DISCRIMINATOR)
    _line(verdicts, metrics, "fake_probability", "D(G(z)), generated", GENERATOR)
    verdicts.set(ylim=(-0.02, 1.02), title="mean verdict of D")
    verdicts.axhline(0.5, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    _line(accuracy, metrics, "discriminator_accuracy", "accuracy", ACCURACY)
    accuracy.axhline(0.5, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    accuracy.set(ylim=(0.45, 1.02), title="accuracy of D (1/2: cannot tell)")
    norms.set_yscale("log")
    _line(norms, metrics, "discriminator_gradient_norm", "discriminator", DISCRIMINATOR)
    _line(norms, metrics, "generator_gradient_norm", "generator", GENERATOR)
    norms.set_title("norm of the gradient")
    for axis in (verdicts, norms):
        axis.legend(frameon=False, fontsize=8)
    for axis in axes[0]:
        _tidy(axis, metrics["epoch"][-1])
    figure.suptitle(title)
    return figure


def comparison(groups: Mapping[str, Sequence[Metrics]], samples: Mapping[str, Sample], title: str) -> Figure:
    """Groups of runs against each other: losses, D(G(z)), G's gradient norm, measurements of samples, last samples.

    Args:
        groups: by name, the metrics of each seed, the baseline first; a line is their mean, thin lines each of them.
        samples: by the same names, those of one seed.
        title: over the whole.
    """
    looks = dict(zip(groups, zip(cycle(RUN_COLOURS), cycle(RUN_STYLES), strict=False), strict=False))
    shares = {group: found for group, runs in groups.items() if len(found := _digit_shares(runs))}
    traced = [name for name in MEASURED if any(_measured_twice(run, name) for runs in groups.values() for run in runs)]
    rows = -(-len(samples) // 4)
    heights = [3.6 + 0.25 * -(-len(groups) // 4), *([3.2] if shares or traced else []), 3.6 * rows]
    figure = Figure(figsize=(13, sum(heights)), layout="constrained")
    curves, *measured, pictures = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _curves(curves.subplots(1, 4), groups, looks)
    handles, names = curves.axes[0].get_legend_handles_labels()
    curves.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    if measured:
        widths = [*([2] if shares else []), *(1 for _ in traced)]
        panels = list(measured[0].subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
        if shares:
            _digit_bars(panels.pop(0), shares, looks)
        for axis, name in zip(panels, traced, strict=True):
            label, scale = MEASURED[name]
            axis.set(title=label, yscale=scale)
            _epoch_axis(axis)
            for group, runs in groups.items():
                _measurements(axis, runs, name, *looks[group])
            _tidy(axis, max(metrics["epoch"][-1] for runs in groups.values() for metrics in runs))
    panes = pictures.subplots(rows, min(4, len(samples)), squeeze=False).ravel()
    for axis in panes:
        axis.set_axis_off()
    for axis, (group, sample) in zip(panes, samples.items(), strict=False):
        axis.imshow(sample.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(f"{for_figure(group)}\nseed {sample.seed}, epoch {sample.epoch}", fontsize=10)
    figure.suptitle(fill(title, 120))
    return figure


CURVES = {
    "discriminator_loss": ("discriminator's loss", "linear"),
    "generator_loss": ("generator's loss", "linear"),
    "fake_probability": ("D(G(z))", "log"),
    "generator_gradient_norm": ("norm of G's gradient", "log"),
}


def _curves(panels: np.ndarray, groups: Mapping[str, Sequence[Metrics]], looks: Looks) -> None:
    """What every epoch has."""
    for axis, (name, (label, scale)) in zip(panels, CURVES.items(), strict=True):
        axis.set(title=label, yscale=scale)
        _epoch_axis(axis)
        for group, runs in groups.items():
            _mean_and_each(axis, runs, name, for_figure(group), *looks[group])
        _tidy(axis, max(metrics["epoch"][-1] for runs in groups.values() for metrics in runs))


def _mean_and_each(axis: Axes, runs: Sequence[Metrics], name: str, label: str, colour: str, style: LineStyle) -> None:
    """The middle of the seeds, up to the epoch that all have reached, over a thin line for each seed."""
    if len(runs) > 1:
        for metrics in runs:
            axis.plot(metrics["epoch"], _shown(axis, metrics[name]), color=colour, linewidth=0.5, alpha=0.5)
    epochs = min(len(metrics[name]) for metrics in runs)
    values = np.array([metrics[name][:epochs] for metrics in runs])
    centre = middle(values, axis.get_yscale() == "log")
    _line(axis, {"epoch": runs[0]["epoch"][:epochs], name: centre}, name, label, colour, style)


def middle(values: np.ndarray, logarithmic: bool) -> np.ndarray:
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


MEASURED = {"frechet": ("classifier Fréchet distance", "log"), "coverage": ("coverage", "linear")}


def _measured_twice(metrics: Metrics, name: str) -> bool:
    return name in metrics and np.isfinite(metrics[name]).sum() > 1


def _measurements(axis: Axes, runs: Sequence[Metrics], name: str, colour: str, style: LineStyle) -> None:
    """What only some epochs have, as points: a gap where a seed lacks what another of its group has."""
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
    centre = middle(values, axis.get_yscale() == "log")
    axis.plot(where, centre, color=colour, linestyle=style, marker="o", markersize=4, linewidth=1.6)


def _digit_shares(runs: Sequence[Metrics]) -> np.ndarray:
    """Of each digit after the last epoch, float64 (seeds that have them, 10)."""
    names = [f"digit_share_{digit}" for digit in range(10)]
    found = [[metrics[name][-1] for name in names] for metrics in runs if all(name in metrics for name in names)]
    shares = np.array(found).reshape(-1, 10)
    return shares[np.isfinite(shares).all(axis=1)]


def _digit_bars(axis: Axes, shares: Mapping[str, np.ndarray], looks: Looks) -> None:
    """A bar a digit and group, the mean over seeds, with a dot for each seed of several."""
    width = 0.84 / len(shares)
    for place, (group, values) in enumerate(shares.items()):
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


def grid(images: np.ndarray, columns: int = 8, gap: int = 2) -> np.ndarray:
    """Images in rows, uint8, with dark grey gaps; the last row may be a short one.

    Args:
        images: float32 (n, 784) in [-1, 1].
        columns: images a row.
        gap: pixels between images and around them.

    Returns:
        uint8 (height, width).
    """
    pixels = to_bytes(images).reshape(-1, 28, 28)
    rows, pitch = -(-len(pixels) // columns), 28 + gap
    canvas = np.full((rows * pitch + gap, columns * pitch + gap), 64, np.uint8)
    for index, image in enumerate(pixels):
        top, left = (gap + place * pitch for place in divmod(index, columns))
        canvas[top : top + 28, left : left + 28] = image
    return canvas


def labelled_frames(frames: Sequence[np.ndarray], epochs: Sequence[int]) -> list[np.ndarray]:
    """Grids of one size, uint8 (height, width), each with its epoch written beneath: the frames of an animation."""
    from PIL import Image, ImageDraw

    strip = 16
    labelled = []
    for frame, epoch in zip(frames, epochs, strict=True):
        image = Image.new("L", (frame.shape[1], frame.shape[0] + strip), 64)
        image.paste(Image.fromarray(frame), (0, 0))
        ImageDraw.Draw(image).text((4, frame.shape[0] + 1), f"epoch {epoch}", fill=255)
        labelled.append(np.asarray(image))
    return labelled
