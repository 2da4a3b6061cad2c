"""Confidence intervals over a few seeds: of a mean, and of the difference between two groups of runs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """A mean over n runs, or a difference of two, and how far it may be off at 95 %.

    A geometric one is a geometric mean, or a ratio of two, that may be off by a factor: what spans decades has no
    symmetric interval. Zeros have no logarithm and are counted apart.
    """

    mean: float  # NaN where no run has the value
    spread: float  # the half width, or the factor; NaN where n is 1
    n: int  # runs that have the value and, if it is a geometric mean, not 0
    geometric: bool = False
    zeros: int = 0


def interval(values: Sequence[float], geometric: bool = False) -> Interval:
    """The mean of one value a run, and how far it may be off by Student's t; values that are not finite are missing."""
    usable, zeros = _usable(values, geometric)
    n = len(usable)
    if n == 0:
        return Interval(0.0 if zeros else math.nan, math.nan, 0, geometric, zeros)
    if n == 1:  # as it is, not through its logarithm and back
        return Interval(10.0 ** usable[0] if geometric else usable[0], math.nan, 1, geometric, zeros)
    return _finish(float(np.mean(usable)), _quantile(n - 1) * math.sqrt(_squared_error(usable)), n, geometric, zeros)


def difference(values: Sequence[float], baseline: Sequence[float], geometric: bool = False) -> Interval:
    """The mean over some runs less that over a baseline's, or their ratio, and how far it may be off.

    By Welch's t, since variances of different parts differ. Not paired by seed: seeds that only one of them has count
    as well.
    """
    (here, zeros), (there, other_zeros) = _usable(values, geometric), _usable(baseline, geometric)
    n, zeros = min(len(here), len(there)), zeros + other_zeros
    if n == 0 or zeros:  # without its zeros a geometric mean is of other runs: no ratio
        return Interval(math.nan, math.nan, n, geometric, zeros)
    mean = float(np.mean(here) - np.mean(there))
    if n == 1:
        return _finish(mean, math.nan, 1, geometric)
    first, second = _squared_error(here), _squared_error(there)
    if first + second == 0:
        return _finish(mean, 0.0, n, geometric)
    share = first / (first + second)  # rather than the squares of variances, which underflow
    freedom = 1 / (share**2 / (len(here) - 1) + (1 - share) ** 2 / (len(there) - 1))
    return _finish(mean, _quantile(freedom) * math.sqrt(first + second), n, geometric)


def prediction(values: Sequence[float]) -> Interval:
    """The mean of one value a run, and how far a further run of the kind may be off it: t s sqrt(1 + 1/n).

    At 95 %, by Student's t, if runs are spread normally (Hahn and Meeker 1991, chapter 4).
    """
    mean, spread, n, *_ = interval(values)
    return Interval(mean, spread * math.sqrt(n + 1), n)


def _usable(values: Sequence[float], geometric: bool) -> tuple[list[float], int]:
    """The finite values, or the logarithms of those that are not 0, and how many are."""
    finite = [value for value in values if math.isfinite(value)]
    if not geometric:
        return finite, 0
    return [math.log10(value) for value in finite if value > 0], sum(value == 0 for value in finite)


def _squared_error(values: Sequence[float]) -> float:
    """Compute the squared standard error of the mean; 0 for equal values, where round-off would give another."""
    return 0.0 if min(values) == max(values) else float(np.var(values, ddof=1)) / len(values)


def _quantile(freedom: float) -> float:
    return float(stdtrit(freedom, 0.975))


def _finish(mean: float, half_width: float, n: int, geometric: bool, zeros: int = 0) -> Interval:
    """An interval, from logarithms if it is geometric."""
    if geometric:
        with np.errstate(over="ignore", under="ignore"):  # two seeds decades apart: a factor beyond float64 is inf
            mean, half_width = (float(np.power(10.0, value)) for value in (mean, half_width))
    return Interval(mean, half_width, n, geometric, zeros)
