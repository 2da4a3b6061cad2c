"""Float64 for the mathematics, without changing float32 in the rest of the process."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

import jax
import jax.core
import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")

EPS = float(np.finfo(np.float64).eps)


@overload
def in_float64(function: Callable[P, jax.Array]) -> Callable[P, NDArray[np.float64]]: ...
@overload
def in_float64(function: Callable[P, R]) -> Callable[P, R]: ...
def in_float64(function: Callable[P, Any]) -> Callable[P, Any]:
    """Make `function` compute with JAX's 64-bit types, whatever the process's configuration.

    Concrete results are returned as NumPy arrays, since outside this context JAX would convert its own float64 arrays
    to float32 at the next operation. Tracers pass through, so that the result can be mapped and differentiated.
    """

    @functools.wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(_as_numpy, function(*args, **kwargs))

    return computed


def is_traced(value: object) -> bool:
    """Return True if `value` is a tracer (inside jit, grad or vmap), which has no numbers to inspect."""
    return isinstance(value, jax.core.Tracer)


def _as_numpy(leaf: object) -> object:
    return np.array(leaf) if isinstance(leaf, jax.Array) and not is_traced(leaf) else leaf
