"""Metrics that a training step reports."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.types import Params


class StepInfo(NamedTuple):
    """Metrics of an iteration, float32 () each; means over its discriminator steps.

    D's figures are of the discriminator step: before its update, on its batch, with dropout. Its loss is without the
    penalties on its slopes, and its gradient with them.
    """

    discriminator_loss: Array
    generator_loss: Array
    real_probability: Array  # mean D(x), in [0, 1]
    fake_probability: Array  # mean D(G(z)), in [0, 1]
    discriminator_accuracy: Array  # share of images, real and generated, that D judges rightly
    discriminator_gradient_norm: Array  # Euclidean norm of the loss's gradient over all parameters
    generator_gradient_norm: Array


class DiscriminatorInfo(NamedTuple):
    """The part of StepInfo that a discriminator step reports, under the same names."""

    discriminator_loss: Array
    real_probability: Array
    fake_probability: Array
    discriminator_accuracy: Array
    discriminator_gradient_norm: Array


def gradient_norm(gradient: Params) -> Array:
    """Euclidean norm over all leaves, float32 (), exact down to the smallest normal number.

    The squares of a vanishing gradient's elements underflow to 0 long before the elements do, and a gradient that
    vanishes is what `part_b` is about: so the elements are scaled by the largest.
    """
    leaves = jax.tree.leaves(gradient)
    largest = jnp.stack([jnp.abs(leaf).max() for leaf in leaves]).max()
    scale = jnp.where(largest > 0, largest, 1)
    return scale * jnp.sqrt(sum(jnp.sum((leaf / scale) ** 2) for leaf in leaves))


def discriminator_info(loss: Array, real_logits: Array, fake_logits: Array, gradient: Params) -> DiscriminatorInfo:
    """Gather the metrics of a discriminator step from its loss, its logits float32 (batch,), and its gradient."""
    return DiscriminatorInfo(
        discriminator_loss=loss,
        real_probability=jax.nn.sigmoid(real_logits).mean(),
        fake_probability=jax.nn.sigmoid(fake_logits).mean(),
        discriminator_accuracy=((real_logits > 0).mean() + (fake_logits < 0).mean()) / 2,
        discriminator_gradient_norm=gradient_norm(gradient),
    )
