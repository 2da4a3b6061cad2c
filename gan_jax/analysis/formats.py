"""Intervals as text: a mean with its uncertainty, a range for one more run, or the two values that there are."""

import math
import re

from gan_jax.analysis.intervals import Interval

TIMES = "\N{MULTIPLICATION SIGN}"
UNREADABLE_FACTOR = 10  # of a geometric mean of two: its interval spans two decades
MOST_DECIMALS = 5
ROUNDING = 1e-5  # relative: machines that add float32 numbers in another order differ by as much


def format_interval(value: Interval, form: str) -> str:
    """Format a mean with its 95 % confidence interval: 280 ± 29.

    The half width has two digits, and the mean as many decimals, since further ones say nothing. If the mean is of two
    values that its interval tells less about than they do themselves, both are given: 523 and 4629.

    Args:
        value: from `interval` or `difference`.
        form: format of the mean if it has no interval, such as "{:.1f}".
    """
    mean = form.format(value.mean)
    if value.n <= 1 or value.spread == (1 if value.geometric else 0):
        return mean
    if not value.geometric and value.spread < ROUNDING * abs(value.mean):
        return mean
    if shows_both(value):
        return " and ".join(_short(each, form) for each in value.values)
    if value.geometric:
        return f"{mean} {TIMES}/÷ {value.spread:.3g}"
    decimals = _decimals(value.spread)
    if decimals > MOST_DECIMALS:
        return f"{value.mean:{_sign(form)}.3g} ± {value.spread:.2g}"
    return f"{value.mean:{_sign(form)}.{decimals}f} ± {value.spread:.{decimals}f}"


def format_range(value: Interval, form: str) -> str:
    """Format the 95 % prediction interval of one more run as its two ends: 221 to 338; without an interval the mean.

    Args:
        value: from `prediction`, of a metric that is not negative.
        form: format of the mean if it has no interval, such as "{:.1f}"; the ends have no more decimals.
    """
    if not value.spread > 0:  # none, or all values are the same
        return form.format(value.mean)
    ends = (max(value.mean - value.spread, 0.0), value.mean + value.spread)
    limit = re.search(r"\.(\d+)f", form)
    decimals = min(_decimals(value.spread), int(limit[1]) if limit else MOST_DECIMALS + 1)
    if decimals > MOST_DECIMALS:
        return " to ".join(f"{end:.2g}" for end in ends)
    return " to ".join(f"{end:.{decimals}f}" for end in ends)


def shows_both(value: Interval) -> bool:
    """Tell whether a mean is of two values, with an interval so wide that the values themselves say more."""
    if len(value.values) != 2:
        return False
    return value.spread > (UNREADABLE_FACTOR if value.geometric else abs(value.mean))


def _decimals(spread: float) -> int:
    """Return the decimals that give a half width two digits."""
    exponent = math.floor(math.log10(float(f"{spread:.1e}")))  # of the rounded number: 0.0996 becomes 0.10
    return max(0, 1 - exponent)


def _sign(form: str) -> str:
    return "+" if ":+" in form else ""


def _short(value: float, form: str) -> str:
    """Format a value, without decimals from 100 on."""
    return f"{value:{_sign(form)}.0f}" if abs(value) >= 100 and "f" in form else form.format(value)
