"""Figures of the mathematics, by pure functions from numbers to a matplotlib figure."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from gan_jax.utils.text import for_figure

# Okabe and Ito's colors, which are distinct under all common forms of color blindness.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":")
NAMED_LINES = 12
RECTANGLE, PARALLELOGRAM, MUTED = "#0072B2", "#D55E00", "#888888"


class Paths(NamedTuple):
    """Coefficients over a path of strengths, for one penalty."""

    title: str
    slopes: np.ndarray  # (m, d), per standard deviation of a column
    mean_prediction: np.ndarray  # (m,)


def coefficient_paths(
    strengths: np.ndarray, panels: Sequence[Paths], names: Sequence[str], target: str, mean_target: float
) -> Figure:
    """Draw slopes above and the mean prediction below, over `strengths` (m,), one column of axes per penalty."""
    figure = Figure(figsize=(5.2 * len(panels) + 1.0, 6.8), layout="constrained")
    axes = figure.subplots(2, len(panels), sharex=True, sharey="row", squeeze=False, height_ratios=(2.4, 1))
    for (above, below), panel in zip(axes.T, panels, strict=True):
        _draw_slopes(above, strengths, panel.slopes)
        above.set_title(panel.title, fontsize=11)
        below.axhline(0, color=MUTED, linewidth=0.8)
        below.axhline(mean_target, color=MUTED, linestyle="--", linewidth=1)
        below.plot(strengths, panel.mean_prediction, color=COLORS[0], linewidth=2)
        below.set_xlabel(r"penalty strength $\lambda$")
        below.set_xscale("log")
        below.margins(x=0, y=0.2)
    target = for_figure(target)
    axes[0, 0].set_ylabel(f"slope of {target}\nper standard deviation of the column")
    axes[1, 0].set_ylabel("mean prediction")
    axes[1, 0].annotate(
        f"mean of {target}", (strengths[-1], mean_target), (-4, -4), textcoords="offset points", ha="right", va="top",
        color="#555555",
    )  # fmt: skip
    _name_lines(axes[0, -1], panels[-1].slopes, names)
    return figure


def _draw_slopes(axes: Axes, strengths: np.ndarray, slopes: np.ndarray) -> None:
    named = _largest(slopes)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for column in range(slopes.shape[1]):
        style = _style(named.index(column)) if column in named else {"color": "#BBBBBB", "linewidth": 0.6}
        axes.plot(strengths, slopes[:, column], **style)


def _name_lines(axes: Axes, slopes: np.ndarray, names: Sequence[str]) -> None:
    handles = [
        axes.plot([], [], label=for_figure(names[column]), **_style(i))[0] for i, column in enumerate(_largest(slopes))
    ]
    axes.figure.legend(handles=handles, loc="outside right upper", frameon=False, title="column")


def _largest(slopes: np.ndarray) -> list[int]:
    """Choose the columns with the largest slopes at the smallest strength, ordered from the highest to the lowest."""
    chosen = np.argsort(-np.abs(slopes[0]))[:NAMED_LINES]
    return [int(column) for column in chosen[np.argsort(-slopes[0, chosen])]]


def _style(index: int) -> dict:
    return {"color": COLORS[index % len(COLORS)], "linestyle": STYLES[index // len(COLORS)], "linewidth": 1.8}


class GridImage(NamedTuple):
    """Grid in the (u, v) plane, its image under the inverse map, and one rectangle."""

    title: str
    lines: Sequence[np.ndarray]  # each (m, 2), in (u, v)
    images: Sequence[np.ndarray]  # each (m, 2), in (x, y)
    rectangle: np.ndarray  # (m, 2), its boundary
    rectangle_image: np.ndarray  # (m, 2)
    parallelogram: np.ndarray  # (4, 2), spanned by J's columns times du and dv


def grids_and_images(rows: Sequence[GridImage]) -> Figure:
    """Draw each grid beside its image, with the rectangle, its image, and the approximating parallelogram."""
    figure = Figure(figsize=(9.0, 4.5 * len(rows)), layout="constrained")
    for (left, right), row in zip(figure.subplots(len(rows), 2, squeeze=False), rows, strict=True):
        _draw_lines(left, row.lines, "u", "v")
        _draw_lines(right, row.images, "x", "y")
        left.add_patch(Polygon(row.rectangle, facecolor=RECTANGLE, alpha=0.55, zorder=3))
        right.add_patch(Polygon(row.rectangle_image, facecolor=RECTANGLE, alpha=0.55, zorder=3))
        right.add_patch(
            Polygon(row.parallelogram, fill=False, edgecolor=PARALLELOGRAM, linewidth=2, linestyle="--", zorder=4)
        )
        left.set_title(f"{row.title}\nrectangle: du dv = {_area(row.rectangle):.3f}", fontsize=11)
        right.set_title(
            f"image: area {_area(row.rectangle_image):.3f}\n"
            rf"parallelogram: $|\det\,J|$ du dv = {_area(row.parallelogram):.3f}",
            fontsize=11,
        )
    return figure


def _draw_lines(axes: Axes, lines: Sequence[np.ndarray], horizontal: str, vertical: str) -> None:
    for line in lines:
        axes.plot(*line.T, color=MUTED, linewidth=0.7)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(horizontal)
    axes.set_ylabel(vertical)


def _area(boundary: np.ndarray) -> float:
    """Compute a polygon's area by the shoelace formula."""
    x, y = boundary.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


class Plane(NamedTuple):
    """Density over a square of the plane, with draws from it."""

    title: str
    labels: tuple[str, str]
    nodes: np.ndarray  # (m,), along either side
    density: np.ndarray  # (m, m), first index along the first label
    draws: np.ndarray  # (k, 2)


def densities(planes: Sequence[Plane]) -> Figure:
    """Draw densities side by side on the same color and length scales, with draws as points."""
    figure = Figure(figsize=(5.0 * len(planes) + 0.8, 5.0), layout="constrained")
    all_axes = figure.subplots(1, len(planes), squeeze=False)[0]
    highest = max(plane.density.max() for plane in planes)
    for axes, plane in zip(all_axes, planes, strict=True):
        reach = (plane.nodes[0], plane.nodes[-1])
        shaded = axes.imshow(
            plane.density.T, vmin=0, vmax=highest, cmap="Blues", origin="lower", extent=(*reach, *reach)
        )
        axes.plot(*plane.draws.T, ".", color=PARALLELOGRAM, markersize=3, alpha=0.5, markeredgewidth=0)
        axes.set(xlim=reach, ylim=reach, xlabel=plane.labels[0], ylabel=plane.labels[1])
        axes.set_title(plane.title, fontsize=11)
    figure.colorbar(shaded, ax=all_axes, label="density", shrink=0.8)
    return figure


def area_errors(sizes: np.ndarray, errors: dict[str, np.ndarray]) -> Figure:
    """Draw the relative difference between image and parallelogram over a rectangle's size, per map; all (m,)."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    for index, (name, values) in enumerate(errors.items()):
        slope = np.polyfit(np.log(sizes), np.log(values), 1)[0]
        axes.loglog(sizes, values, marker="os^Dv"[index % 5], label=f"{name}: slope {slope:.3f}", **_style(index))
    reference = sizes * min(values[0] / sizes[0] for values in errors.values()) / 4
    axes.loglog(sizes, reference, color=MUTED, linewidth=1, label="slope 1")
    axes.set_xlabel("side du of the rectangle (dv = du / 2)")
    axes.set_ylabel(r"median |image's area / ($|\det\,J|$ du dv) - 1|")
    axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(10))
    axes.legend(frameon=False)
    return figure
