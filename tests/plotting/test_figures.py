"""What a reader of a figure relies on: whole epochs, and axes that do not make much of little."""

import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from experiments.homework.parts import PARTS
from gan_jax.plotting import figures, panels
from gan_jax.reports import print_figures
from gan_jax.training.diagnostics import StepInfo

GRID = np.zeros((4, 4), np.uint8)


def metrics(epochs: int, value: float = 0.5) -> dict[str, np.ndarray]:
    rising = value * (1 + 1e-6 * np.arange(epochs))
    return {"epoch": np.arange(1.0, epochs + 1)} | dict.fromkeys(StepInfo._fields, rising)


def axes(epochs: int) -> list[Axes]:
    """All panels with an axis of epochs."""
    curves, shown = metrics(epochs), {"a": figures.Sample(0, epochs, GRID)}
    drawn = [
        figures.learning_curve(curves, "a", (2 * math.log(2), 0.125)),
        figures.diagnostics(curves, "a"),
        figures.comparison({"a": [curves]}, shown, "a"),
    ]
    for figure in drawn:
        figure.canvas.draw()
    return [axis for figure in drawn for axis in figure.axes if axis.get_xlabel() == "epoch"]


@pytest.mark.parametrize(
    ("value", "text"), [(2 * math.log(2), "2 log 2"), (-math.log(2), "-log 2"), (0.125, "0.125"), (0.0, "0")]
)
def test_losses_where_d_cannot_tell(value, text):
    """At the height and by the name that the loss has there, a cross entropy or none."""
    [axis] = figures.learning_curve(metrics(3), "a", (value, 3.0)).axes
    [line] = [line for line in axis.lines if line.get_label() == f"{text}, discriminator at D = 1/2"]
    np.testing.assert_array_equal(line.get_ydata(), value)


@pytest.mark.parametrize("epochs", [1, 2, 3, 100])
def test_epochs_are_whole(epochs):
    panels = axes(epochs)
    assert len(panels) == 1 + 3 + 4
    for axis in panels:
        low, high = axis.get_xlim()
        ticks = [tick for tick in axis.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == round(tick) for tick in ticks)
        assert epochs > 1 or ticks == [1]


def test_equal_values_look_equal_on_a_logarithmic_axis():
    logarithmic = [axis for axis in axes(3) if axis.get_yscale() == "log"]
    assert len(logarithmic) == 3
    for axis in logarithmic:
        low, high = axis.get_ylim()
        assert high / low >= 9.99  # a decade, but for rounding
        assert low < 0.5 < high


def compared(**groups: list[dict[str, np.ndarray]]) -> dict[str, Axes]:
    """The panels of a comparison by title."""
    figure = figures.comparison(groups, {name: figures.Sample(3, 2, GRID) for name in groups}, "title")
    figure.canvas.draw()
    return {axis.get_title(): axis for axis in figure.axes}


def bold(axis: Axes) -> np.ndarray:
    return np.asarray(axis.lines[-1].get_ydata())


def test_zeros_on_a_logarithmic_axis_leave_a_gap():
    """A verdict that underflows to 0, as part_b's may, has no place there and must not hide the others."""
    values = metrics(3) | {"fake_probability": np.array([0.5, 1e-30, 0.0])}
    assert np.isnan(bold(compared(a=[values])["D(G(z))"])).tolist() == [False, False, True]


def test_on_a_logarithmic_axis_the_bold_line_is_the_geometric_mean():
    runs = [metrics(2, value) for value in (1e-18, 1e-3)]
    panels = compared(a=runs)
    for title in ("D(G(z))", "norm of G's gradient"):
        np.testing.assert_allclose(bold(panels[title]), 10**-10.5, rtol=1e-4)
    np.testing.assert_allclose(bold(panels["generator's loss"]), 5e-4, rtol=1e-4)


def test_with_a_zero_the_bold_line_is_the_median():
    runs = [metrics(2, value) for value in (1e-18, 1e-3, 1e-4)]
    runs[0]["fake_probability"] = np.array([1e-18, 0])
    np.testing.assert_allclose(bold(compared(a=runs)["D(G(z))"]), 1e-4, rtol=1e-4)


def colours_seen(deficiency: list[list[float]]) -> np.ndarray:
    """The runs' colours, float64 (colours, 3) in OKLab, as someone sees them; a matrix of linear RGB, 3x3."""
    channels = np.array([to_rgb(colour) for colour in panels.RUN_COLOURS])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(deficiency).T, 0, 1)
    cones = seen @ np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                             [0.0883024619, 0.2817188376, 0.6299787005]]).T  # fmt: skip
    return np.cbrt(cones) @ np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                                      [1.9779984951, -2.4285922050, 0.4505937099],
                                      [0.0259040371, 0.7827717662, -0.8086757660]]).T  # fmt: skip


@pytest.mark.parametrize(
    "deficiency",
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ],
    ids=["full", "protanopia", "deuteranopia"],  # Machado, Oliveira and Fernandes 2009
)
def test_eight_parts_have_eight_colours(deficiency):
    colours = colours_seen(deficiency)
    assert len(colours) >= len(PARTS) == 8
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 0.05  # two and a half differences that are just noticed


def test_no_two_of_24_lines_look_the_same():
    axis = compared(**{f"a{i}": [metrics(2)] for i in range(24)})["D(G(z))"]
    looks = {(line.get_color(), str(line._dash_pattern)) for line in axis.lines}  # pyright: ignore
    assert len(looks) == 24


def test_a_probability_has_no_axis_above_1():
    for values in ([0.5, 0.9], [1e-27, 0.5], [1e-9, 2e-9]):
        axis = compared(a=[metrics(2) | {"fake_probability": np.array(values)}])["D(G(z))"]
        low, high = axis.get_ylim()
        assert max(values) <= high <= 1
        assert high / low >= 9.99
        assert low < min(values)


def test_the_legend_of_the_verdicts_is_above_them():
    """Not on the line at 1/2."""
    figure = figures.diagnostics(metrics(3), "a")
    figure.canvas.draw()
    axis = figure.axes[0]
    legend = axis.get_legend()
    assert legend is not None
    bottom = axis.transData.inverted().transform(legend.get_window_extent())[0, 1]
    assert bottom > 1
    assert max(axis.get_yticks()) == 1


def test_samples_say_whose_they_are():
    assert "a\nseed 3, epoch 2" in compared(a=[metrics(2), metrics(2)])


DIGITS = "share of each digit among the samples (dashed: 1/10)"
FRECHET = "classifier Fréchet distance"


def measured(last_share: float, frechet: list[float]) -> dict[str, np.ndarray]:
    shares = {f"digit_share_{digit}": np.array([np.nan] * 3 + [0.1]) for digit in range(10)}
    shares["digit_share_1"] = np.array([0.9, np.nan, np.nan, last_share])
    return metrics(4) | shares | {"frechet": np.array(frechet)}


def test_without_measurements_there_is_no_panel_of_them():
    assert len(compared(a=[metrics(2)], b=[metrics(2)])) == 4 + 2


def test_bars_are_means_over_seeds_of_the_last_epoch():
    nan = np.nan
    runs = [measured(0.2, [nan] * 4), measured(0.4, [nan] * 4), metrics(4), measured(nan, [nan] * 4)]
    panels = compared(a=runs, b=[measured(0.7, [nan] * 3 + [5])], c=[metrics(4)])
    assert FRECHET not in panels  # a single epoch is in the table
    axis = panels[DIGITS]
    bars = [bar.get_height() for bar in axis.patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(bars[1::10], [0.3, 0.7])
    (dots,) = axis.collections  # a single run is its bar
    offsets = np.asarray(dots.get_offsets())
    assert sorted(offsets[np.abs(offsets[:, 0] - 1) < 0.5, 1]) == pytest.approx([0.2, 0.4])


def test_measurements_against_epochs_have_lines_and_gaps():
    nan = np.nan
    first, second = measured(0.1, [9, nan, 4, 1]), measured(0.1, [4, nan, nan, 4])
    axis = compared(a=[first])[FRECHET]
    assert np.asarray(axis.lines[0].get_xdata()).tolist() == [1, 3, 4]  # not measured is no gap
    assert bold(axis).tolist() == [9, 4, 1]
    axis = compared(a=[first, second, metrics(4)])[FRECHET]
    np.testing.assert_allclose(bold(axis), [6, nan, 2])  # one seed alone is no mean
    assert "coverage" not in compared(a=[first])


def test_a_figure_for_print_is_the_same_text_again_and_bears_no_time():
    first, second = (print_figures.run([metrics(3)], (1.386, 0.693)) for _ in range(2))
    assert first == second
    assert "dc:date" not in first
