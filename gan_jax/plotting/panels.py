"""Charts on matplotlib's axes."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from gan_jax.analysis.charts import Bars, Chart, Values
from gan_jax.plotting.style import COLORS, REFERENCE, line_style
from gan_jax.utils.text import for_figure


def draw(axis: Axes, chart: Chart) -> None:
    """Draw a chart: thin lines for the seeds below bold ones, ticks at whole epochs, no box."""
    x = np.array(chart.x, float)
    if chart.x_logarithmic:
        axis.set_xscale("symlog", linthresh=1)
    else:
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    axis.set_yscale("log" if chart.logarithmic else "linear")
    for line in chart.lines:
        color, small = COLORS[line.color], "." if line.points else None
        for seed in line.seeds:
            axis.plot(*_shown(x, seed, line.points), color=color, lw=0.5, alpha=0.5, marker=small, markersize=3)
        single = len(x) == 1 and line.color != "reference"  # a single point draws no line
        marker = "o" if line.points or single else None
        axis.plot(
            *_shown(x, line.values, line.points), label=for_figure(line.label), color=color, marker=marker,
            linestyle=line_style(line.dash_style), markersize=4, lw=1.6 if line.dash_style == 0 or line.seeds else 1.2,
        )  # fmt: skip
    axis.set(title=for_figure(chart.title), xlabel=chart.x_title, ylabel=chart.unit)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    _set_limits(axis, chart)


def legend_above(axis: Axes, fontsize: float | None = None) -> None:
    """Extend an axis from 0 to 1 upwards, and put the legend there."""
    axis.set(ylim=(-0.02, 1.5), yticks=np.linspace(0, 1, 5))
    axis.legend(loc="upper right", frameon=False, fontsize=fontsize)


def draw_bars(axis: Axes, bars: Bars) -> None:
    """Draw a bar for each digit and group, the mean over seeds, and a dot for each of several seeds."""
    width = 0.84 / len(bars.shares)
    for index, (color, group) in enumerate(zip(bars.colors, bars.shares, strict=True)):
        centers = np.arange(10) - 0.42 + width * (index + 0.5)
        axis.bar(centers, bars.shares[group], width, color=COLORS[color])
        seeds = np.array(bars.seeds[group])
        if len(seeds) > 1:
            x = np.tile(centers, len(seeds))
            axis.scatter(x, seeds.ravel(), s=9, color="white", edgecolors="black", linewidths=0.6, zorder=3)
    axis.axhline(0.1, color=REFERENCE, linestyle="--", linewidth=1)
    axis.set(title=f"{bars.title} (dashed: 1/10)", xlabel="digit", xticks=range(10))
    axis.grid(alpha=0.25, axis="y")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _shown(x: np.ndarray, values: Values, connected: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the points to draw: NaN leaves a gap in a line, and is skipped between connected points."""
    y = np.array(values, float)
    finite = np.isfinite(y)
    return (x[finite], y[finite]) if connected else (x, y)


def _set_limits(axis: Axes, chart: Chart) -> None:
    """Set the limits of the axes; a logarithmic one spans at least a decade, so that equal values look equal."""
    if len(chart.x) == 1:
        axis.set(xlim=(0.5, 1.5), xticks=[1])
    lower, upper = chart.limits or (None, None)
    if not chart.logarithmic:
        margin = 0.02
        axis.set_ylim(None if lower is None else lower - margin, None if upper is None else upper + margin)
        if chart.bounds is not None:
            low, high = axis.get_ylim()
            axis.set_ylim(max(low, chart.bounds[0] - margin), min(high, chart.bounds[1] + margin))
        return
    low, high = axis.get_ylim()
    if high < 10 * low:
        center = math.sqrt(low * high)
        low, high = axis.set_ylim(center / math.sqrt(10), center * math.sqrt(10))
    if upper is not None:
        low, high = axis.set_ylim(min(low, upper / 10), min(high, upper))
    if high < 1000 * low:
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.yaxis.set_minor_formatter("{x:g}")
