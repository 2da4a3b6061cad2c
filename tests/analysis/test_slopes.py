"""The slopes of G's losses, by hand and in the chart."""

import numpy as np

from gan_jax.analysis.slopes import FORMULAS, loss_slopes, slopes_chart
from gan_jax.plotting.slopes import slopes

OUTPUTS = np.array([1e-6, 0.25, 0.5, 0.75])


def test_the_slopes_are_those_of_the_losses():
    """They are 1 - D and D, to the round-off of float64 in the logit."""
    np.testing.assert_allclose(loss_slopes("non_saturating", OUTPUTS), 1 - OUTPUTS, rtol=1e-12)
    np.testing.assert_allclose(loss_slopes("saturating", OUTPUTS), OUTPUTS, rtol=1e-12)


def test_the_figure_draws_each_loss_in_its_own_line():
    chart = slopes_chart(OUTPUTS.tolist())
    assert [line.label for line in chart.lines] == list(FORMULAS.values())
    np.testing.assert_allclose(np.array(chart.lines[1].values, float), OUTPUTS, rtol=1e-4)  # a chart has five digits
    whole, rejected = slopes().axes
    assert [len(axis.lines) for axis in (whole, rejected)] == [2, 2]
    falling, rising = (np.asarray(line.get_ydata(), float) for line in rejected.lines)
    assert falling.min() > 0.49 > 1e-5 > rising.min()  # from D(G(z)) = 1e-6 to 1/2
