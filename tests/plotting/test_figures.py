"""Figures as their reader relies on them: whole epochs, and axes that do not exaggerate small differences."""

import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.homework.parts import PARTS
from gan_jax.analysis import charts
from gan_jax.analysis import metrics as analysis_metrics
from gan_jax.analysis.metrics import CURVES, METRICS, Metric
from gan_jax.plotting import figures, panels
from gan_jax.plotting.style import RUN_COLORS
from gan_jax.reports import print_figures
from gan_jax.training.diagnostics import StepInfo

GRID = np.zeros((4, 4), np.uint8)


def metrics(epochs: int, value: float = 0.5) -> dict[str, np.ndarray]:
    rising = value * (1 + 1e-6 * np.arange(epochs))
    return {"epoch": np.arange(1.0, epochs + 1)} | dict.fromkeys(StepInfo._fields, rising)


def axes(epochs: int) -> list[Axes]:
    """Return all panels with epochs on the x-axis."""
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
def test_losses_at_half_are_marked(value, text):
    """The line has the height and label for this loss, a cross-entropy or not."""
    [axis] = figures.learning_curve(metrics(3), "a", (value, 3.0)).axes
    [line] = [line for line in axis.lines if line.get_label() == f"{text}: discriminator at D = 1/2"]
    np.testing.assert_allclose(np.asarray(line.get_ydata()), value, rtol=1e-5)  # a chart has five digits


@pytest.mark.parametrize("epochs", [1, 2, 3, 100])
def test_epoch_ticks_are_whole_numbers(epochs):
    panels = axes(epochs)
    assert len(panels) == 1 + 2 + 4
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
        assert high / low >= 9.99  # a decade, up to rounding
        assert low < 0.5 < high


@pytest.mark.parametrize("values", [[1.0], [0.0], [0.97, 1.0], [0.4, 0.5]])
def test_the_axis_of_a_share_stays_within_0_and_1(values):
    """It fits the values otherwise; a metric without a largest value is not bounded."""
    for name, bounded in (("coverage", True), ("largest_share", True), ("density", False)):
        run = {"epoch": np.arange(1.0, 1 + len(values)), name: np.array(values)}
        chart = charts.compare_metric({"a": [run]}, name)
        assert chart is not None
        assert chart.bounds == ((0, 1) if bounded else None)
        axis = Figure().subplots()
        panels.draw(axis, chart)
        low, high = axis.get_ylim()
        assert low < min(values) <= max(values) < high
        if bounded:
            assert low > -0.021  # the margin of 0.02 shows a line along the end
            assert high < 1.021
        if values == [0.4, 0.5]:
            assert high - low < 0.2


def comparison_panels(**groups: list[dict[str, np.ndarray]]) -> dict[str, Axes]:
    """Return the panels of a comparison by title."""
    figure = figures.comparison(groups, {name: figures.Sample(3, 2, GRID) for name in groups}, "title")
    figure.canvas.draw()
    return {axis.get_title(): axis for axis in figure.axes}


def bold(axis: Axes) -> np.ndarray:
    return np.asarray(axis.lines[-1].get_ydata())


def test_zeros_on_a_logarithmic_axis_leave_a_gap():
    """A D(G(z)) that underflows to 0, as part_b's may, cannot be drawn there and must not hide the others."""
    values = metrics(3) | {"fake_probability": np.array([0.5, 1e-30, 0.0])}
    assert np.isnan(bold(comparison_panels(a=[values])["D(G(z))"])).tolist() == [False, False, True]


def test_the_bold_line_on_a_logarithmic_axis_is_the_geometric_mean():
    runs = [metrics(2, value) for value in (1e-18, 1e-3)]
    panels = comparison_panels(a=runs)
    for title in ("D(G(z))", "Norm of G's gradient"):
        np.testing.assert_allclose(bold(panels[title]), 10**-10.5, rtol=1e-4)
    np.testing.assert_allclose(bold(panels["Loss of G"]), 5e-4, rtol=1e-4)


def test_the_bold_line_is_the_median_if_a_value_is_zero():
    runs = [metrics(2, value) for value in (1e-18, 1e-3, 1e-4)]
    runs[0]["fake_probability"] = np.array([1e-18, 0])
    np.testing.assert_allclose(bold(comparison_panels(a=runs)["D(G(z))"]), 1e-4, rtol=1e-4)


def perceived_colors(deficiency: list[list[float]]) -> np.ndarray:
    """Return the runs' colors as perceived under a 3x3 matrix of linear RGB, float64 (colors, 3) in OKLab."""
    channels = np.array([to_rgb(color) for color in RUN_COLORS])
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
def test_eight_parts_have_eight_distinguishable_colors(deficiency):
    colors = perceived_colors(deficiency)
    assert len(colors) >= len(PARTS) == 8
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=-1)
    assert apart[~np.eye(len(colors), dtype=bool)].min() > 0.05  # two and a half just noticeable differences


def test_24_lines_have_different_styles():
    axis = comparison_panels(**{f"a{i}": [metrics(2)] for i in range(24)})["D(G(z))"]
    styles = {(line.get_color(), str(line._dash_pattern)) for line in axis.lines}  # pyright: ignore
    assert len(styles) == 24


def test_a_probability_has_no_axis_above_1():
    for values in ([0.5, 0.9], [1e-27, 0.5], [1e-9, 2e-9]):
        axis = comparison_panels(a=[metrics(2) | {"fake_probability": np.array(values)}])["D(G(z))"]
        low, high = axis.get_ylim()
        assert max(values) <= high <= 1
        assert high / low >= 9.99
        assert low < min(values)


def test_the_legend_of_d_outputs_is_above_the_curves():
    """It does not cover the line at 1/2."""
    figure = figures.diagnostics(metrics(3), "a")
    figure.canvas.draw()
    axis = figure.axes[0]
    legend = axis.get_legend()
    assert legend is not None
    bottom = axis.transData.inverted().transform(legend.get_window_extent())[0, 1]
    assert bottom > 1
    assert max(axis.get_yticks()) == 1


def test_samples_name_their_run():
    assert "a\nseed 3, epoch 2" in comparison_panels(a=[metrics(2), metrics(2)])


DIGITS = "Share of each digit among the samples (dashed: 1/10)"
FRECHET = "Classifier Fréchet distance"


def measured(last_share: float, frechet: list[float]) -> dict[str, np.ndarray]:
    shares = {f"digit_share_{digit}": np.array([np.nan] * 3 + [0.1]) for digit in range(10)}
    shares["digit_share_1"] = np.array([0.9, np.nan, np.nan, last_share])
    # Only samples that look real have bars.
    looks = {"precision": np.array([np.nan] * 3 + [0.9]), "classes_covered": np.array([np.nan] * 3 + [10.0])}
    return metrics(4) | shares | looks | {"frechet": np.array(frechet)}


def test_metrics_that_were_not_measured_have_no_panel():
    assert len(comparison_panels(a=[metrics(2)], b=[metrics(2)])) == 4 + 2


def test_bars_are_means_over_seeds_of_the_last_epoch():
    nan = np.nan
    runs = [measured(0.2, [nan] * 4), measured(0.4, [nan] * 4), metrics(4), measured(nan, [nan] * 4)]
    panels = comparison_panels(a=runs, b=[measured(0.7, [nan] * 3 + [5])], c=[metrics(4)])
    assert FRECHET not in panels  # a single epoch is shown in the table
    axis = panels[DIGITS]
    bars = [bar.get_height() for bar in axis.patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(bars[1::10], [0.3, 0.7])
    (dots,) = axis.collections  # a single run is the bar itself
    offsets = np.asarray(dots.get_offsets())
    assert sorted(offsets[np.abs(offsets[:, 0] - 1) < 0.5, 1]) == pytest.approx([0.2, 0.4])


def test_metrics_over_epochs_have_lines_and_gaps():
    nan = np.nan
    first, second = measured(0.1, [9, nan, 4, 1]), measured(0.1, [4, nan, nan, 4])
    axis = comparison_panels(a=[first])[FRECHET]
    assert np.asarray(axis.lines[0].get_xdata()).tolist() == [1, 3, 4]  # epochs without a measurement are no gap
    assert bold(axis).tolist() == [9, 4, 1]
    axis = comparison_panels(a=[first, second, metrics(4)])[FRECHET]
    np.testing.assert_allclose(bold(axis), [6, 2])  # a single seed has no mean
    assert "Coverage" not in comparison_panels(a=[first])


def test_figures_for_print_are_reproducible_and_have_no_date():
    runs = [metrics(3)]
    drawn = [charts.losses(runs, (1.386, 0.693)), charts.discriminator_output(runs), charts.gradient_norms(runs)]
    first, second = (print_figures.run_svg(drawn) for _ in range(2))
    assert first == second
    assert "dc:date" not in first


def test_one_metric_more_has_a_place_in_the_figure(monkeypatch):
    """No panel is left out, and no title runs into another or out of the figure."""
    for name in ("more", "and_more"):
        monkeypatch.setitem(METRICS, name, Metric(name, f"metric as long as usual {name}"[:27], chart=True))
    for module in (analysis_metrics, figures):
        monkeypatch.setattr(module, "CURVES", (*CURVES, "discriminator_accuracy"), raising=False)
    monkeypatch.setattr(analysis_metrics, "MEASUREMENTS", (*analysis_metrics.MEASUREMENTS, "more", "and_more"))
    run = measured(0.4, [9, np.nan, 4, 1])
    run |= dict.fromkeys(("coverage", "more", "and_more"), run["frechet"])
    figure = figures.comparison({"a": [run], "b": [run]}, {name: figures.Sample(0, 4, GRID) for name in "ab"}, "t")
    figure.canvas.draw()
    titles = [axis.title.get_window_extent() for axis in figure.axes if axis.get_xlabel()]
    assert len(titles) == len(CURVES) + 1 + 1 + 4
    for place, box in enumerate(titles):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in titles[:place])
