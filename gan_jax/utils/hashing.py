"""Digests of arrays."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def tree_sha256(tree: Any) -> str:
    """Compute the SHA-256 of every leaf's path, dtype, shape and bits, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = to_numpy(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def to_numpy(leaf: Any) -> np.ndarray:
    """Convert a leaf to a NumPy array; a random key to its uint32 words."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)
