import math

import pytest

from gan_jax.evaluation import collapse_warnings

pytestmark = pytest.mark.numeric

EVEN = (0.1,) * 10
HEALTHY = 0.3  # a mean of D(G(z)) in a run that learns


def test_a_healthy_run_has_no_warning() -> None:
    assert collapse_warnings(EVEN, HEALTHY) == []
    assert collapse_warnings(None, HEALTHY) == []


def test_vanished_classes_are_named() -> None:
    [warning] = collapse_warnings((0.2, 0.2, 0.2, 0.2, 0.1, 0.081, 0.01, 0.009, 0.0, 0.0), HEALTHY)
    assert "7 of 10" in warning
    assert "missing: 7, 8, 9" in warning


def test_a_dominant_class_is_named_with_its_share() -> None:
    [warning] = collapse_warnings((0.04, 0.64, *(0.04,) * 8), HEALTHY)
    assert "1 makes up 64%" in warning


def test_one_digit_gives_both_warnings() -> None:
    assert len(collapse_warnings((0.0, 1.0, *(0.0,) * 8), HEALTHY)) == 2


@pytest.mark.parametrize(("score", "shown"), [(2e-11, "2.0e-11"), (0.0, "0.0e+00"), (math.nan, "nan")])
def test_a_dead_score_is_shown(score: float, shown: str) -> None:
    [warning] = collapse_warnings(None, score)
    assert "D(G(z))" in warning
    assert shown in warning


def test_each_warning_is_one_line() -> None:
    warnings = collapse_warnings((0.0, 1.0, *(0.0,) * 8), math.nan)
    assert len(warnings) == 3
    assert not any("\n" in warning for warning in warnings)
