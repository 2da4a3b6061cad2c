"""Intervals against scipy's, and how often they cover the truth."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given

from gan_jax.analysis.intervals import difference, interval, prediction

pytestmark = pytest.mark.numeric

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


def half_width(bounds) -> float:
    return (bounds[1] - bounds[0]) / 2


@given(VALUES)
def test_interval_is_scipys(values):
    found = interval(values)
    assert found.mean == pytest.approx(np.mean(values))
    spread = scipy.stats.sem(values)
    if spread > 1e-9:
        bounds = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=spread)
        assert found.spread == pytest.approx(half_width(bounds), rel=1e-6)


def test_prediction_intervals_cover_a_further_run_in_95_of_100():
    """Coverage over 20 000 draws of three seeds and a fourth is 95 %, to 4 standard errors of the count, 0.6 %."""
    draws = np.random.default_rng(0).normal(5, 2, (20_000, 4))
    found = [prediction(three) for three in draws[:, :3].tolist()]
    inside = [abs(one - each.mean) <= each.spread for one, each in zip(draws[:, 3], found, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.006)
    assert math.isnan(prediction([1.0]).spread)


@given(VALUES, VALUES)
def test_difference_is_scipys_welch(values, baseline):
    found = difference(values, baseline)
    assert found.mean == pytest.approx(np.mean(values) - np.mean(baseline), abs=1e-9)
    if min(scipy.stats.sem(values), scipy.stats.sem(baseline)) > 1e-6:
        bounds = scipy.stats.ttest_ind(values, baseline, equal_var=False).confidence_interval(0.95)
        assert found.spread == pytest.approx(half_width(bounds), rel=1e-6)


@given(st.lists(st.floats(-150, 2), min_size=2, max_size=8), st.lists(st.floats(-150, 2), min_size=2, max_size=8))
def test_geometric_intervals_are_computed_on_the_logarithms(exponents, others):
    values, baseline = ([10.0**exponent for exponent in each] for each in (exponents, others))
    found, ratio = interval(values, geometric=True), difference(values, baseline, geometric=True)
    assert found.mean == pytest.approx(scipy.stats.gmean(values))
    assert ratio.mean == pytest.approx(scipy.stats.gmean(values) / scipy.stats.gmean(baseline))
    for each, plain in ((found, interval(exponents)), (ratio, difference(exponents, others))):
        if plain.spread < 300:
            assert math.log10(each.spread) == pytest.approx(plain.spread, rel=1e-6, abs=1e-9)
        else:
            assert each.spread > 1e299  # inf beyond the range of float64


def test_zeros_are_counted_and_give_no_ratio():
    found = interval([0.0, 1e-4, 1e-6], geometric=True)
    assert (found.n, found.zeros) == (2, 1)
    assert found.mean == pytest.approx(1e-5)
    assert interval([0.0, 0.0], geometric=True)[::4] == (0.0, 2)
    assert math.isnan(difference([0.0, 1e-4, 1e-6], [1.0, 2.0], geometric=True).mean)


@pytest.mark.parametrize("geometric", [False, True])
def test_one_run_has_no_interval(geometric):
    assert math.isnan(interval([3.0], geometric).spread)
    assert math.isnan(difference([3.0], [1.0, 2.0], geometric).spread)
    assert math.isnan(difference([1.0, 2.0], [3.0], geometric).spread)


def test_missing_values_are_ignored():
    assert interval([1.0, math.nan, 3.0]) == interval([1.0, 3.0])
    assert interval([math.nan]).n == 0
    assert difference([math.nan], [1.0]).n == 0


def test_equal_values_have_no_spread():
    assert interval([0.1, 0.1, 0.1]).spread == 0
    assert interval([0.1, 0.1, 0.1], geometric=True).spread == 1
    assert difference([0.1, 0.1, 0.1], [0.3, 0.3]).spread == 0


def test_tiny_variances_do_not_underflow():
    """The losses of a dead generator: the squares of their variances are below the smallest float64."""
    tiny = difference([1e-90, 3e-90], [2e-90, 7e-90, 1e-90])
    assert tiny.spread == pytest.approx(1e-90 * difference([1, 3], [2, 7, 1]).spread)


def test_intervals_cover_the_truth_in_95_of_100():
    """The share of 2000 samples of four normal values that is covered is within five standard deviations of 0.95."""
    draws = np.random.default_rng(0).standard_normal((2000, 4))
    found = [interval(row.tolist()) for row in draws]
    share = np.mean([abs(each.mean) <= each.spread for each in found])
    assert abs(share - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 2000)
