"""JAX and chex, imported when one of their names is first used.

`./run.sh --help`, and a mistake in an option, need the names in a table such as `losses.LOSSES`, and not the half
second that JAX takes to load.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any


class Lazy:
    """A module that a function imports, in the place of an import statement."""

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


chex, jax, jnp = Lazy(_chex), Lazy(_jax), Lazy(_jnp)
