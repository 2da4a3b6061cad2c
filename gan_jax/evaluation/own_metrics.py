"""Metrics of the user's own: functions of samples, measured beside the others."""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from gan_jax.errors import UserError, require

SampleFunction = Callable[[np.ndarray], float]  # samples float32 (n, 784) in [-1, 1], read-only -> a finite number
LARGEST = float(np.finfo(np.float32).max)  # which metrics.csv can hold


def measure_own(samples: jax.Array | np.ndarray, functions: Mapping[str, SampleFunction]) -> dict[str, float]:
    """Measure samples float32 (n, 784) by each function.

    Raises:
        UserError: if a function fails, or returns anything but a finite number; the message names the metric.
    """
    array = np.asarray(samples)
    return {name: _measure(name, function, array) for name, function in functions.items()} if functions else {}


def _measure(name: str, function: SampleFunction, samples: np.ndarray) -> float:
    try:
        returned = function(samples)
    except Exception as error:  # the user's code may raise anything
        raise UserError(f"the metric {name!r} failed: {type(error).__name__}: {error}") from error
    value = np.asarray(returned)
    number = value.ndim == 0 and (np.issubdtype(value.dtype, np.floating) or np.issubdtype(value.dtype, np.integer))
    finite = number and abs(float(value)) <= LARGEST
    require(finite, f"the metric {name!r} returned {str(returned)[:60]!r}, which is not a finite number")
    return float(value)
