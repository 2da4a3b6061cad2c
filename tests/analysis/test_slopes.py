"""Slopes of G's losses: automatic differentiation gives the closed forms, 1 - D and D."""

import numpy as np
import pytest

from gan_jax.analysis.slopes import ABOUT, POINTS, generator_slopes, slope
from gan_jax.plotting.slopes import slopes

ANSWERS = np.array([1e-6, *np.linspace(0.001, 0.999, 97)])


@pytest.mark.parametrize(("loss", "closed_form"), [("non_saturating", 1 - ANSWERS), ("saturating", ANSWERS)])
def test_slopes_are_their_closed_forms(loss, closed_form):
    # The round-off of float64 in a logit of up to 14, and in 1 - D where D is near 1, a hundred times over.
    np.testing.assert_allclose(slope(loss, ANSWERS), closed_form, rtol=1e-11)


def test_the_chart_shows_both_over_the_answers_of_d():
    chart = generator_slopes()
    assert len(chart.x) == POINTS
    non_saturating, saturating = (np.array(line.values, float) for line in chart.lines)
    # Values of a chart have five significant digits.
    np.testing.assert_allclose(non_saturating, 1 - np.array(chart.x), atol=1e-5)
    np.testing.assert_allclose(saturating, chart.x, atol=1e-5)
    assert non_saturating[0] > 100 * saturating[0]  # where D rejects the sample
    assert len({(line.color, line.dash_style) for line in chart.lines}) == 2
    assert chart.about == ABOUT


def test_the_figure_shows_where_d_rejects_the_image():
    whole, rejected = slopes().axes
    assert [len(axis.lines) for axis in (whole, rejected)] == [2, 2]
    falling, rising = (np.asarray(line.get_ydata(), float) for line in rejected.lines)
    assert falling.min() > 0.49 > 1e-5 > rising.min()  # from D(G(z)) = 1e-6 to 1/2
