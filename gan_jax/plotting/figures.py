"""Figures of runs: functions from numbers to matplotlib figures, without files and without pyplot's global state."""

from collections.abc import Mapping
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis import charts
from gan_jax.analysis.metrics import CURVES, GroupedMetrics, Metrics, measured_over_epochs
from gan_jax.plotting import panels
from gan_jax.utils.text import for_figure


class Sample(NamedTuple):
    """Grid of a run's samples, uint8 (height, width), with its seed and epoch."""

    seed: int
    epoch: int
    image: np.ndarray


def learning_curve(metrics: Metrics, title: str, equilibrium: tuple[float, float]) -> Figure:
    """Draw both losses over the epochs, with their values at D = 1/2."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    chart = charts.losses([metrics], equilibrium)
    panels.draw(axis, chart)
    axis.set(title=title, ylabel=chart.unit)
    axis.legend(frameon=False, ncols=2, fontsize=9)
    return figure


def diagnostics(metrics: Metrics, title: str) -> Figure:
    """Draw what the losses do not show: D's output and accuracy, and the gradient norms of both networks."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    output, norms = figure.subplots(1, 2)
    panels.draw(output, charts.discriminator_output([metrics]))
    panels.legend_above(output, fontsize=8)
    panels.draw(norms, charts.gradient_norms([metrics]))
    norms.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    return figure


def comparison(groups: GroupedMetrics, samples: Mapping[str, Sample], title: str) -> Figure:
    """Compare groups of runs: losses, D(G(z)), G's gradient norm, measurements of samples, and samples.

    Args:
        groups: metrics of each seed, by group; a bold line is the mean of a group, thin lines are its seeds.
        samples: samples of one seed of each group.
        title: title of the figure.
    """
    bars, measured = charts.digit_bars(groups), charts.compare_metrics(groups, measured_over_epochs(groups))
    rows = -(-len(samples) // 4)
    heights = [3.6 + 0.25 * -(-len(groups) // 4), *([3.2] if bars or measured else []), 3.6 * rows]
    figure = Figure(figsize=(13, sum(heights)), layout="constrained")
    curves, *below, pictures = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, chart in zip(curves.subplots(1, 4), charts.compare_metrics(groups, CURVES), strict=True):
        panels.draw(axis, chart)
    handles, names = curves.axes[0].get_legend_handles_labels()
    curves.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    if below:
        widths = [*([2] if bars else []), *(1 for _ in measured)]
        axes = list(below[0].subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
        if bars:
            panels.draw_bars(axes.pop(0), bars)
        for axis, chart in zip(axes, measured, strict=True):
            panels.draw(axis, chart)
    panes = pictures.subplots(rows, min(4, len(samples)), squeeze=False).ravel()
    for axis in panes:
        axis.set_axis_off()
    for axis, (group, sample) in zip(panes, samples.items(), strict=False):
        axis.imshow(sample.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(f"{for_figure(group)}\nseed {sample.seed}, epoch {sample.epoch}", fontsize=10)
    figure.suptitle(fill(title, 120))
    return figure
