"""Random keys as a wide tree of named streams, so that no use of randomness can shift another.

Every key is `fold_in(fold_in(root, stream), index, ...)`: it depends on the run's seed, on what it is for and on
the step alone, never on how many keys were drawn before. A resumed run therefore needs no generator state, and
drawing samples more often changes nothing that is trained.
"""

from enum import IntEnum

import jax
from jax import Array
from jax.typing import ArrayLike


class Stream(IntEnum):
    """Purpose of a key. The numbers are part of every run's bits: append, never renumber."""

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
    VERDICTS = 10
    DISCRIMINATOR_NOISE = 11
    GENERATOR_NOISE = 12
    PENALTIES = 13


def stream_key(root: Array, stream: Stream, *indices: ArrayLike) -> Array:
    """The key of one use of randomness.

    Args:
        root: typed key (), the run's root key.
        stream: what the key is for.
        indices: int32 () each, the place within the stream (epoch, or iteration and inner step).

    Returns:
        Typed key ().
    """
    key = jax.random.fold_in(root, stream)
    for index in indices:
        key = jax.random.fold_in(key, index)
    return key
