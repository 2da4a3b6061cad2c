"""Figures of runs: functions from numbers to matplotlib figures, without files and without pyplot's global state."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure, SubFigure

from gan_jax.analysis import charts
from gan_jax.analysis.metrics import CURVES, GroupedMetrics, Metrics, measured_over_epochs
from gan_jax.plotting import panels
from gan_jax.utils.text import for_figure

COLUMNS = 4  # of a comparison's panels


class Sample(NamedTuple):
    """Grid of a run's samples, uint8 (height, width), with its seed and epoch."""

    seed: int
    epoch: int
    image: np.ndarray


def learning_curve(metrics: Metrics, title: str, equilibrium: tuple[float, float]) -> Figure:
    """Draw both losses over the epochs, with their values at D = 1/2."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    panels.draw(axis, charts.losses([metrics], equilibrium))
    axis.set_title(title)
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
    curves = charts.compare_metrics(groups, CURVES)
    rows = -(-len(samples) // COLUMNS)
    heights = [
        0.4 + 3.2 * -(-len(curves) // COLUMNS) + 0.25 * -(-len(groups) // COLUMNS),
        3.2 * -(-(2 * bool(bars) + len(measured)) // COLUMNS),
        3.6 * rows,
    ]
    figure = Figure(figsize=(13, sum(heights)), layout="constrained")
    parts = iter(
        figure.subfigures(sum(map(bool, heights)), 1, squeeze=False, height_ratios=[*filter(None, heights)])[:, 0]
    )
    above = next(parts)
    _draw_grid(above, curves, None)
    handles, names = above.axes[0].get_legend_handles_labels()
    above.legend(handles, names, loc="outside lower center", ncols=COLUMNS, frameon=False, fontsize=9)
    if heights[1]:
        _draw_grid(next(parts), measured, bars)
    pictures = next(parts)
    panes = pictures.subplots(rows, min(COLUMNS, len(samples)), squeeze=False).ravel()
    for axis in panes:
        axis.set_axis_off()
    for axis, (group, sample) in zip(panes, samples.items(), strict=False):
        axis.imshow(sample.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(f"{for_figure(group)}\nseed {sample.seed}, epoch {sample.epoch}", fontsize=10)
    figure.suptitle(fill(title, 120))
    return figure


def _draw_grid(figure: SubFigure, drawn: Sequence[charts.Chart], bars: charts.Bars | None) -> None:
    """Draw charts in rows, after the digits' bars, which are twice as wide."""
    start = 0 if bars is None else 2
    grid = figure.add_gridspec(-(-(start + len(drawn)) // COLUMNS), min(COLUMNS, start + len(drawn)))
    if bars is not None:
        panels.draw_bars(figure.add_subplot(grid[0, :start]), bars)
    for place, chart in enumerate(drawn, start):
        panels.draw(figure.add_subplot(grid[divmod(place, COLUMNS)]), chart)
