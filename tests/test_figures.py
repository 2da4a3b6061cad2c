"""What a reader of a figure relies on: whole epochs, and axes that do not make much of little."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from gan_jax import figures
from gan_jax.training import StepInfo

GRID = np.zeros((4, 4), np.uint8)


def metrics(epochs: int, value: float = 0.5) -> dict[str, np.ndarray]:
    rising = value * (1 + 1e-6 * np.arange(epochs))
    return {"epoch": np.arange(1.0, epochs + 1)} | dict.fromkeys(StepInfo._fields, rising)


def axes(epochs: int) -> list[Axes]:
    """All panels with an axis of epochs."""
    curves, shown = metrics(epochs), {"a": (epochs, GRID)}
    drawn = [
        figures.learning_curve(curves, "a", saturating=False),
        figures.diagnostics(curves, "a"),
        figures.comparison({"a": [curves]}, shown, "a"),
    ]
    for figure in drawn:
        figure.canvas.draw()
    return [axis for figure in drawn for axis in figure.axes if axis.get_xlabel() == "epoch"]


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


def test_zeros_on_a_logarithmic_axis_leave_a_gap():
    """A verdict that underflows to 0, as part_b's may, has no place there and must not hide the others."""
    values = metrics(3)
    values["fake_probability"] = np.array([0.5, 1e-30, 0.0])
    figure = figures.comparison({"a": [values]}, {"a": (3, GRID)}, "a")
    figure.canvas.draw()
    panel = next(axis for axis in figure.axes if axis.get_title() == "D(G(z))")
    assert np.isnan(np.asarray(panel.lines[0].get_ydata())).tolist() == [False, False, True]
