"""Metrics reported by a training step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.types import Params


class StepInfo(NamedTuple):
    """Metrics of an iteration, float32 () each.

    D's metrics are means over the iteration's discriminator steps, computed on the step's batch with dropout, before
    the update. D's loss excludes gradient penalties; the norm of its gradient includes them.
    """

    discriminator_loss: Array
    generator_loss: Array
    real_probability: Array  # mean D(x), in [0, 1]
    fake_probability: Array  # mean D(G(z)), in [0, 1]
    discriminator_accuracy: Array  # share of real and generated images that D classifies correctly
    discriminator_gradient_norm: Array  # Euclidean norm of the gradient of all parameters
    generator_gradient_norm: Array


class DiscriminatorInfo(NamedTuple):
    """Metrics of a discriminator step, as in StepInfo."""

    discriminator_loss: Array
    real_probability: Array
    fake_probability: Array
    discriminator_accuracy: Array
    discriminator_gradient_norm: Array


def gradient_norm(gradient: Params) -> Array:
    """Compute the Euclidean norm over all leaves, float32 (), accurate down to the smallest normal number.

    The elements are divided by the largest one before they are squared: the squares of a vanishing gradient, the
    subject of `part_b`, would otherwise underflow to 0 long before the elements do.
    """
    leaves = jax.tree.leaves(gradient)
    largest = jnp.stack([jnp.abs(leaf).max() for leaf in leaves]).max()
    scale = jnp.where(largest > 0, largest, 1)
    return scale * jnp.sqrt(sum(jnp.sum((leaf / scale) ** 2) for leaf in leaves))


def discriminator_info(loss: Array, real_logits: Array, fake_logits: Array, gradient: Params) -> DiscriminatorInfo:
    """Compute the metrics of a discriminator step from its loss (), its logits float32 (batch,) and its gradient."""
    return DiscriminatorInfo(
        discriminator_loss=loss,
        real_probability=jax.nn.sigmoid(real_logits).mean(),
        fake_probability=jax.nn.sigmoid(fake_logits).mean(),
        discriminator_accuracy=((real_logits > 0).mean() + (fake_logits < 0).mean()) / 2,
        discriminator_gradient_norm=gradient_norm(gradient),
    )
