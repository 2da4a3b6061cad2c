"""Float64 for the mathematics, float32 left as it is for everything else in the process."""

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
    """`function`, computed with JAX's 64-bit types whatever the process's own setting.

    Concrete results come back as NumPy arrays of the caller's own: outside this context JAX would cut its own
    float64 arrays to float32 at the next operation. Tracers pass through, so that the result
    can still be mapped and differentiated.
    """

    @functools.wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(_as_numpy, function(*args, **kwargs))

    return computed


def is_traced(value: object) -> bool:
    """Tell whether `value` is still symbolic (inside jit, grad or vmap), with no numbers to inspect."""
    return isinstance(value, jax.core.Tracer)


def _as_numpy(leaf: object) -> object:
    return np.array(leaf) if isinstance(leaf, jax.Array) and not is_traced(leaf) else leaf
