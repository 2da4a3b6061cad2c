"""Bitwise comparison of trees of arrays."""

import chex
import jax
import jax.numpy as jnp
import numpy as np


def assert_same_bits(a, b) -> None:
    chex.assert_trees_all_equal_shapes_and_dtypes(a, b)
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jnp.issubdtype(left.dtype, jax.dtypes.prng_key):
            left, right = jax.random.key_data(left), jax.random.key_data(right)
        np.testing.assert_array_equal(left, right)


def changed(a, b) -> list[bool]:
    """Return for each leaf whether any bit differs."""
    return [not np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]
