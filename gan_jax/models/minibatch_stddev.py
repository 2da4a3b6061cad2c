"""Minibatch standard deviation, an additional feature of D (Karras et al. 2018, section 3)."""

import math

import jax.numpy as jnp
from jax import Array

EPS = 1e-8  # added under a root whose gradient would be infinite at 0


def minibatch_stddev(features: Array, group_size: int, interleaved: int) -> Array:
    """Compute each feature's standard deviation over a group of inputs, and average it over the features.

    Args:
        features: float32 (batch, size).
        group_size: inputs per group; if it does not divide their number, the greatest common divisor of both.
        interleaved: 2 if the batch alternates between real and generated inputs, which are grouped separately; else 1.

    Returns:
        float32 (batch, 1), equal for all inputs of a group.
    """
    batch, size = features.shape
    group_size = math.gcd(group_size, batch // interleaved)
    groups = features.reshape(-1, group_size, interleaved, size)
    variance = groups.var(axis=1, keepdims=True)
    mean = jnp.sqrt(variance + EPS).mean(axis=3, keepdims=True)
    return jnp.broadcast_to(mean, (*groups.shape[:3], 1)).reshape(batch, 1)
