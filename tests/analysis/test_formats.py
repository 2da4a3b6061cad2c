"""Intervals as text: digits that say something, a range for one more run, both values where there are two."""

import math

import pytest

from gan_jax.analysis.formats import TIMES, format_interval, format_range, shows_both
from gan_jax.analysis.intervals import Interval, interval, prediction


@pytest.mark.parametrize(
    ("mean", "spread", "form", "text"),
    [
        (279.6, 29.3, "{:.1f}", "280 ± 29"),
        (16.51, 1.62, "{:.1f}", "16.5 ± 1.6"),
        (0.9031, 0.0038, "{:.2f}", "0.9031 ± 0.0038"),
        (0.5, 0.0996, "{:.2f}", "0.50 ± 0.10"),
        (5430.2, 1559.1, "{:.1f}", "5430 ± 1559"),
        (-11.0, 5.24, "{:+.1f}", "-11.0 ± 5.2"),
        (11.0, 5.24, "{:+.1f}", "+11.0 ± 5.2"),
        (1.234e-9, 5.6e-11, "{:.3g}", "1.23e-09 ± 5.6e-11"),
        (10.0, 0.0, "{:.1f}", "10.0"),
    ],
)
def test_a_half_width_has_two_digits_and_the_mean_as_many_decimals(mean, spread, form, text):
    assert format_interval(Interval(mean, spread, 3), form) == text


def test_a_single_run_has_the_metrics_format():
    assert format_interval(interval([266.84]), "{:.1f}") == "266.8"
    assert format_range(prediction([266.84]), "{:.1f}") == "266.8"


def test_two_values_whose_interval_is_wider_than_their_mean_are_both_given():
    assert format_interval(interval([523.2, 4629.4]), "{:.1f}") == "523 and 4629"
    assert format_interval(interval([0.0, 0.016]), "{:.3f}") == "0.000 and 0.016"
    assert format_interval(interval([1e-20, 3e-10], geometric=True), "{:.2g}") == "1e-20 and 3e-10"


def test_two_values_close_to_each_other_keep_their_interval():
    assert format_interval(interval([100.0, 101.0]), "{:.1f}") == "100.5 ± 6.4"
    assert format_interval(interval([1.0, 1.2], geometric=True), "{:.2g}").startswith(f"1.1 {TIMES}/÷ 3.1")
    assert not shows_both(interval([1.0, 500.0, 9000.0]))


def test_a_prediction_is_a_range():
    """Three seeds of mean 280: Student's t with 2 degrees of freedom, 4.303, times s sqrt(1 + 1/3)."""
    values = [268.0, 280.0, 292.0]
    half_width = 4.30265 * 12 * math.sqrt(4 / 3)
    assert format_range(prediction(values), "{:.1f}") == f"{280 - half_width:.0f} to {280 + half_width:.0f}"
    assert format_range(prediction([0.9, 0.905, 0.91]), "{:.3f}") == "0.880 to 0.930"
    assert format_range(prediction([2.303] * 3), "{:.3f}") == "2.303"
