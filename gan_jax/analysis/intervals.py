"""Confidence intervals over a few seeds: of a mean, and of the difference between two groups of runs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """Mean over n runs, or difference of two means, with its 95 % interval.

    If geometric, it is a geometric mean or the ratio of two, with a factor of uncertainty in the place of a half width,
    since values that span decades have no symmetric interval. Zeros have no logarithm and are counted separately.
    """

    mean: float  # NaN if no run has the value
    spread: float  # half width or factor of the interval; NaN if n is 1
    n: int  # runs that have the value, without zeros if geometric
    geometric: bool = False
    zeros: int = 0
    values: tuple[float, ...] = ()  # of the runs, if it is a mean; without zeros if geometric


def interval(values: Sequence[float], geometric: bool = False) -> Interval:
    """Compute the mean of one value per run and its interval by Student's t; non-finite values are left out."""
    usable, zeros = _usable(values, geometric)
    n = len(usable)
    if n == 0:
        return Interval(0.0 if zeros else math.nan, math.nan, 0, geometric, zeros)
    if n == 1:  # exact, without taking its logarithm and back
        value = 10.0 ** usable[0] if geometric else usable[0]
        return Interval(value, math.nan, 1, geometric, zeros, (value,))
    half_width = _quantile(n - 1) * math.sqrt(_squared_error(usable))
    own = tuple(value for value in values if math.isfinite(value) and (value > 0 or not geometric))
    return _finish(float(np.mean(usable)), half_width, n, geometric, zeros)._replace(values=own)


def difference(values: Sequence[float], baseline: Sequence[float], geometric: bool = False) -> Interval:
    """Compute the difference of two groups' means, or the ratio of their geometric means, and its interval.

    It is by Welch's t, since different variants have different variances. Seeds are not paired, so that all count.
    """
    (own, own_zeros), (theirs, their_zeros) = _usable(values, geometric), _usable(baseline, geometric)
    n, zeros = min(len(own), len(theirs)), own_zeros + their_zeros
    if n == 0 or zeros:  # a ratio without the zeros would compare a selection of the runs
        return Interval(math.nan, math.nan, n, geometric, zeros)
    mean = float(np.mean(own) - np.mean(theirs))
    if n == 1:
        return _finish(mean, math.nan, 1, geometric)
    first, second = _squared_error(own), _squared_error(theirs)
    if first + second == 0:
        return _finish(mean, 0.0, n, geometric)
    share = first / (first + second)  # a quotient, since squares of variances underflow
    freedom = 1 / (share**2 / (len(own) - 1) + (1 - share) ** 2 / (len(theirs) - 1))
    return _finish(mean, _quantile(freedom) * math.sqrt(first + second), n, geometric)


def prediction(values: Sequence[float]) -> Interval:
    """Compute the mean of one value per run, and the 95 % prediction interval of one more run: t s sqrt(1 + 1/n).

    It assumes normally distributed values (Hahn and Meeker 1991, chapter 4).
    """
    mean, spread, n, *_ = interval(values)
    return Interval(mean, spread * math.sqrt(n + 1), n)


def aggregate_seeds(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Average over the seeds; on a logarithmic axis geometrically, since the largest value would dominate the mean.

    If any value is zero, the median is used at every epoch, so that the line does not jump between the two.

    Args:
        values: float64 (seeds, epochs), not negative if logarithmic.

    Returns:
        float64 (epochs,).
    """
    if len(values) == 1 or not logarithmic:
        return values.mean(axis=0)
    average = np.median if (values == 0).any() else np.mean
    with np.errstate(divide="ignore"):
        return 10.0 ** average(np.log10(values), axis=0)


def _usable(values: Sequence[float], geometric: bool) -> tuple[list[float], int]:
    """Return the finite values, or if geometric the logarithms of the nonzero ones, and the number of zeros."""
    finite = [value for value in values if math.isfinite(value)]
    if not geometric:
        return finite, 0
    return [math.log10(value) for value in finite if value > 0], sum(value == 0 for value in finite)


def _squared_error(values: Sequence[float]) -> float:
    """Compute the squared standard error of the mean; exactly 0 for equal values, in spite of round-off."""
    return 0.0 if min(values) == max(values) else float(np.var(values, ddof=1)) / len(values)


def _quantile(freedom: float) -> float:
    return float(stdtrit(freedom, 0.975))


def _finish(mean: float, half_width: float, n: int, geometric: bool, zeros: int = 0) -> Interval:
    """Make an interval, out of logarithms if it is geometric."""
    if geometric:
        with np.errstate(over="ignore", under="ignore"):  # two seeds decades apart: a factor beyond float64 is inf
            mean, half_width = (float(np.power(10.0, value)) for value in (mean, half_width))
    return Interval(mean, half_width, n, geometric, zeros)
