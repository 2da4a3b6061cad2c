"""Work on many rows a block at a time, so that memory stays small whatever the number of rows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def map_rows(function: Callable[[jax.Array], Any], rows: jax.Array, block: int) -> Any:
    """The arrays of `function(rows)`, computed on `block` rows at a time.

    `function` takes (b, d) and returns arrays (b, ...), each row of which depends on the same row of its argument
    alone: the last block is filled up with zeros, whose results are dropped. `rows` is (n, d) with n >= 1.
    """
    count, width = rows.shape
    block = min(block, count)
    padded = jnp.pad(rows, ((0, -count % block), (0, 0)))
    blocks = jax.lax.map(function, padded.reshape(-1, block, width))
    return jax.tree.map(lambda result: result.reshape(-1, *result.shape[2:])[:count], blocks)
