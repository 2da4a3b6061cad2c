"""Figures for a printed page: as wide as its text, in letters of its size, and drawn with lines rather than dots."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_jax import panels
from gan_jax.panels import Groups, Metrics

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
    """How training went: losses, D's verdicts, and the norms of the gradients, the mean of seeds over each of them.

    Args:
        runs: the metrics of each seed.
        undecided: D's loss and G's where D = 1/2, from `gan_jax.losses.at_equilibrium`.

    Returns:
        SVG.
    """

    def draw(figure: Figure) -> None:
        losses, verdicts, norms = figure.subplots(1, 3, width_ratios=[1.6, 1, 1])
        panels.losses(losses, runs, undecided)
        panels.verdicts(verdicts, runs)
        panels.norms(norms, runs)
        verdicts.legend(frameon=False)
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)

    return _svg(draw, 2.3)


def against(groups: Groups) -> str:
    """Groups of runs against each other, a panel a quantity. Returns SVG."""
    traced = panels.traced(groups)
    shares = bool(panels.digit_shares(groups))
    drawn: list[Callable[[Axes], None]] = [
        lambda axis, name=name: panels.compared(axis, groups, name) for name in (*panels.CURVES, *traced)
    ]

    def draw(figure: Figure) -> None:
        curves, *bars = figure.subfigures(1 + shares, 1, squeeze=False, height_ratios=[2 * 1.9, 1.7][: 1 + shares])[
            :, 0
        ]
        axes = curves.subplots(2, 3)
        for axis, panel in zip(axes.flat, drawn, strict=False):
            panel(axis)
        for axis in axes.flat[len(drawn) :]:
            axis.set_axis_off()
        handles, names = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
        if bars:
            panels.digit_bars(bars[0].subplots(), groups)

    return _svg(draw, LEGEND + 2 * PANEL + BARS * shares)


def _svg(draw: Callable[[Figure], None], height: float) -> str:
    with matplotlib.rc_context(PRINT):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()
