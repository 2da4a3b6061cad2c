"""Figures for a printed page: as wide as its text, in letters of its size, and drawn with lines rather than dots."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from gan_jax.analysis.metrics import Metrics
from gan_jax.plotting import panels
from gan_jax.plotting.panels import Groups

WIDTH = 6.5  # inches
PANEL, BARS, LEGEND = 1.85, 1.6, 0.25  # heights
PRINT: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "axes.linewidth": 0.6,
    # The same figure is the same file.
    "svg.hashsalt": "gan_jax",
}


def run(runs: Sequence[Metrics], undecided: tuple[float, float]) -> str:
    """Draw how training went: losses, D's output and gradient norms, the mean over seeds on top of each seed.

    Args:
        runs: the metrics of each seed.
        undecided: D's loss and G's where D = 1/2, from `gan_jax.losses.adversarial.equilibrium_losses`.

    Returns:
        SVG.
    """

    def draw(figure: Figure) -> None:
        losses, verdicts, norms = figure.subplots(1, 3, width_ratios=[1.6, 1, 1])
        panels.losses(losses, runs, undecided)
        panels.verdicts(verdicts, runs)
        panels.gradient_norms(norms, runs)
        verdicts.legend(loc="upper right", frameon=False)
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)

    return svg(draw, 2.3)


def against(groups: Groups, columns: Sequence[str]) -> str:
    """Groups of runs against each other, a panel for each of these columns of metrics.csv. Returns SVG."""
    shares = bool(panels.digit_shares(groups))
    rows = -(-len(columns) // 3)
    heights = [LEGEND + rows * PANEL, *[BARS] * shares]

    def draw(figure: Figure) -> None:
        curves, *bars = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        axes = curves.subplots(rows, 3, squeeze=False)
        for axis, name in zip(axes.flat, columns, strict=False):
            panels.compare_metric(axis, groups, name)
        for axis in axes.flat[len(columns) :]:
            axis.set_axis_off()
        handles, names = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
        if bars:
            panels.digit_bars(bars[0].subplots(), groups)

    return svg(draw, sum(heights))


def svg(draw: Callable[[Figure], None], height: float) -> str:
    """Draw with a function into a figure as wide as the text and so many inches high."""
    with matplotlib.rc_context(PRINT):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
