"""Map over many rows in blocks, which bounds the memory that intermediate results take."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def map_rows(function: Callable[[jax.Array], Any], rows: jax.Array, block: int) -> Any:
    """Compute `function(rows)` on `block` rows at a time.

    Args:
        function: takes (b, d) and returns arrays (b, ...), each row of which depends only on the same row of its
            argument: the last block is padded with zeros, whose results are dropped.
        rows: (n, d), n >= 1.
        block: rows per block.

    Returns:
        The arrays (n, ...) of `function`.
    """
    count, width = rows.shape
    block = min(block, count)
    padded = jnp.pad(rows, ((0, -count % block), (0, 0)))
    blocks = jax.lax.map(function, padded.reshape(-1, block, width))
    return jax.tree.map(lambda result: result.reshape(-1, *result.shape[2:])[:count], blocks)
