"""Every plot, a function from numbers to a matplotlib figure; no file is touched and no state of pyplot's used."""

from collections.abc import Mapping
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis.metrics import Metrics
from gan_jax.plotting import panels
from gan_jax.utils.text import for_figure


class Sample(NamedTuple):
    """A run's grid of samples, uint8 (height, width), and which it is."""

    seed: int
    epoch: int
    image: np.ndarray


def learning_curve(metrics: Metrics, title: str, undecided: tuple[float, float]) -> Figure:
    """Both losses over the epochs, with the values that they take where D = 1/2 everywhere."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    panels.losses(axis, [metrics], undecided)
    axis.set(title=title, ylabel=axis.get_title())
    axis.legend(frameon=False, ncols=2, fontsize=9)
    return figure


def diagnostics(metrics: Metrics, title: str) -> Figure:
    """Draw what the losses do not tell: D's output and accuracy, and the gradient norms of both networks."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    verdicts, accuracy, norms = figure.subplots(1, 3)
    panels.verdicts(verdicts, [metrics])
    panels.accuracy(accuracy, [metrics])
    panels.gradient_norms(norms, [metrics])
    verdicts.legend(loc="upper right", frameon=False, fontsize=8)
    norms.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    return figure


def comparison(groups: panels.Groups, samples: Mapping[str, Sample], title: str) -> Figure:
    """Groups of runs against each other: losses, D(G(z)), G's gradient norm, measurements of samples, last samples.

    Args:
        groups: a line is the mean over the seeds of one, thin lines each of them.
        samples: by the same names, those of one seed.
        title: over the whole.
    """
    shares, traced = bool(panels.digit_shares(groups)), panels.traced(groups)
    rows = -(-len(samples) // 4)
    heights = [3.6 + 0.25 * -(-len(groups) // 4), *([3.2] if shares or traced else []), 3.6 * rows]
    figure = Figure(figsize=(13, sum(heights)), layout="constrained")
    curves, *measured, pictures = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, name in zip(curves.subplots(1, 4), panels.CURVES, strict=True):
        panels.compare_metric(axis, groups, name)
    handles, names = curves.axes[0].get_legend_handles_labels()
    curves.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    if measured:
        widths = [*([2] if shares else []), *(1 for _ in traced)]
        axes = list(measured[0].subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
        if shares:
            panels.digit_bars(axes.pop(0), groups)
        for axis, name in zip(axes, traced, strict=True):
            panels.compare_metric(axis, groups, name)
    panes = pictures.subplots(rows, min(4, len(samples)), squeeze=False).ravel()
    for axis in panes:
        axis.set_axis_off()
    for axis, (group, sample) in zip(panes, samples.items(), strict=False):
        axis.imshow(sample.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(f"{for_figure(group)}\nseed {sample.seed}, epoch {sample.epoch}", fontsize=10)
    figure.suptitle(fill(title, 120))
    return figure
