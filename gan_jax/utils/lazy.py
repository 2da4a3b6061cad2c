"""JAX and chex, imported when one of their names is first used.

Importing JAX takes half a second, and `./run.sh --help` and errors in options only need the names in tables such as
`LOSSES`.
"""

from importlib import import_module
from typing import Any


class LazyModule:
    """Module that is imported at its first use."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


chex, jax, jnp = LazyModule("chex"), LazyModule("jax"), LazyModule("jax.numpy")
