"""SVG charts for print, at text width and in the body font size."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from gan_jax.analysis.charts import Bars, Chart
from gan_jax.plotting import panels

WIDTH = 6.5  # inches
PANEL, BARS, LEGEND = 1.85, 1.6, 0.25  # heights
PRINT: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "gan_jax",  # equal figures give equal files
}


def run_svg(charts: Sequence[Chart]) -> str:
    """Draw a run's charts side by side, as SVG: losses, D's output and gradient norms."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, 3, width_ratios=[1.6, 1, 1])
        for axis, chart in zip(axes, charts, strict=True):
            panels.draw(axis, chart)
        panels.legend_above(axes[1])
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)

    return to_svg(draw, 2.3)


def comparison_svg(charts: Sequence[Chart], bars: Bars | None) -> str:
    """Draw a comparison of groups of runs as SVG, with a panel for each chart."""
    rows = -(-len(charts) // 3)
    heights = [LEGEND + rows * PANEL, *([] if bars is None else [BARS])]

    def draw(figure: Figure) -> None:
        curves, *below = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        axes = curves.subplots(rows, 3, squeeze=False)
        for axis, chart in zip(axes.flat, charts, strict=False):
            panels.draw(axis, chart)
        for axis in axes.flat[len(charts) :]:
            axis.set_axis_off()
        handles, names = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
        if bars is not None:
            panels.draw_bars(below[0].subplots(), bars)

    return to_svg(draw, sum(heights))


def to_svg(draw: Callable[[Figure], None], height: float) -> str:
    """Draw into a figure as wide as the text and `height` inches high, and return it as SVG."""
    with matplotlib.rc_context(PRINT):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
