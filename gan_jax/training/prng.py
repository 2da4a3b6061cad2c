"""Random keys as a tree of named streams, independent of each other.

Every key is `fold_in(fold_in(root, stream), index, ...)`: it depends only on the run's seed, its purpose and its step,
never on how many keys were drawn before. A resumed run therefore needs no generator state, and drawing more samples
does not change the training.
"""

from enum import IntEnum

import jax
from jax import Array
from jax.typing import ArrayLike


class Stream(IntEnum):
    """Purpose of a key. Append new ones and never renumber: the numbers determine the bits of every run."""

    INITIAL_WEIGHTS = 0
    EPOCH_ORDER = 1
    DISCRIMINATOR_LATENTS = 2
    DISCRIMINATOR_DROPOUT = 3
    GENERATOR_LATENTS = 4
    GENERATOR_DROPOUT = 5
    SAMPLES = 6
    EVALUATION = 7
    DRAWN_SAMPLES = 8
    INTERPOLATION = 9
    DISCRIMINATOR_OUTPUT = 10
    DISCRIMINATOR_NOISE = 11
    GENERATOR_NOISE = 12
    PENALTIES = 13


def stream_key(root: Array, stream: Stream, *indices: ArrayLike) -> Array:
    """Derive the key for one use of randomness.

    Args:
        root: typed key (), the run's root key.
        stream: purpose of the key.
        indices: int32 () each, the position within the stream (epoch, or iteration and inner step).

    Returns:
        Typed key ().
    """
    key = jax.random.fold_in(root, stream)
    for index in indices:
        key = jax.random.fold_in(key, index)
    return key
