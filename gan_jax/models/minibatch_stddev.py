"""Minibatch standard deviation: D is told how much a group of images differs (Karras et al. 2018, section 3)."""

import math

import jax.numpy as jnp
from jax import Array

EPS = 1e-8  # under a root whose gradient at 0 would be infinite


def minibatch_stddev(features: Array, group: int, kinds: int) -> Array:
    """Compute how much the features of a group differ, as one feature more (Karras et al. 2018, section 3).

    The standard deviation over the group, of each feature, and then the mean of all features.

    Args:
        features: float32 (batch, size), in which inputs of `kinds` kinds take turns.
        group: consecutive inputs of one kind a group; their greatest common divisor where they are no such groups.
        kinds: how many.

    Returns:
        float32 (batch, 1).
    """
    batch, size = features.shape
    group = math.gcd(group, batch // kinds)
    groups = features.reshape(-1, group, kinds, size)
    variance = groups.var(axis=1, keepdims=True)
    mean = jnp.sqrt(variance + EPS).mean(axis=3, keepdims=True)
    return jnp.broadcast_to(mean, (*groups.shape[:3], 1)).reshape(batch, 1)
