"""Dropout, with random bits that cost little beside the layer that they thin out."""

import jax
import jax.numpy as jnp
from jax import Array, lax

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # of threefry's rounds, in turn
PARITY = 0x1BD11BDA  # of threefry's key schedule


def dropout(key: Array, inputs: Array, rate: float) -> Array:
    """Zero each element with probability `rate` and scale the others so that the mean is kept (inverted dropout).

    The rate is rounded to a multiple of 1/65536, and the scale is that of the rounded rate: 16 random bits an element
    are a quarter of what a block of threefry gives.

    Args:
        key: typed key ().
        inputs: float32 (batch, features).
        rate: from 0 to `config.MAX_DROPOUT_RATE`, known when the function is traced.
    """
    threshold = round(rate * 2**16)
    rows, columns = inputs.shape
    # Compared before they are joined, in single bytes: joined first, the words cost a twentieth of an iteration more.
    quarters = [halfwords >= threshold for halfwords in random_halfwords(key, rows, -(-columns // 4))]
    kept = jnp.concatenate(quarters, axis=1)[:, :columns]
    return jnp.where(kept, inputs * (2**16 / (2**16 - threshold)), 0)


def random_halfwords(key: Array, rows: int, blocks: int) -> list[Array]:
    """16 random bits an element: four arrays of uint32 (rows, blocks) below 65536.

    They are the low and the high half of each of the two words of threefry at (row, block), so that a row does not
    depend on how many rows there are.
    """
    row, block = (lax.broadcasted_iota(jnp.uint32, (rows, blocks), axis) for axis in (0, 1))
    words = threefry(jax.random.bits(key, (2,), jnp.uint32), row, block)
    return [word >> shift & 0xFFFF for word in words for shift in (0, 16)]


def threefry(key: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Threefry-2x32 of 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3).

    What `jax.random` draws from. On a CPU jax compiles it to a loop that carries whole arrays through memory, and takes
    a block for each element; written out, XLA makes a single pass of it: for the masks of an iteration of `part_a` a
    millisecond on two cores, where `jax.random.bits` took seven.

    Args:
        key: uint32 (2,).
        first, second: uint32, of one shape: the counter.

    Returns:
        Two arrays of that shape and type.
    """
    schedule = key[0], key[1], key[0] ^ key[1] ^ PARITY
    first, second = first + schedule[0], second + schedule[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            first = first + second
            second = (second << rotation | second >> (32 - rotation)) ^ first
        first = first + schedule[(group + 1) % 3]
        second = second + schedule[(group + 2) % 3] + jnp.uint32(group + 1)
    return first, second
