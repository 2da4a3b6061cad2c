"""JAX and chex, imported when one of their names is first used.

Importing JAX takes half a second, and `./run.sh --help` and errors in options only need the names in tables such as
`LOSSES`.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any


class LazyModule:
    """Module that a function imports at its first use; names of modules are never made from text."""

    def __init__(self, load: Callable[[], ModuleType]):
        self._load = load

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._load(), attribute)


def _chex() -> ModuleType:
    import chex

    return chex


def _jax() -> ModuleType:
    import jax

    return jax


def _jnp() -> ModuleType:
    import jax.numpy

    return jax.numpy


chex, jax, jnp = LazyModule(_chex), LazyModule(_jax), LazyModule(_jnp)
