"""G and D, as configured by hyperparameters, as functions of parameters and arrays.

Shapes here and in `train_step` are those of images with one channel of 784 pixels. An image of several channels is a
row of all channels, one after the other.
"""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.config import Hyperparameters
from gan_jax.losses.adversarial import LOSSES
from gan_jax.models import spectral_norm
from gan_jax.models.mlp import (
    DISCRIMINATOR_SIZES,
    GENERATOR_SIZES,
    IMAGE_SIZE,
    LATENT_SIZE,
    Discriminator,
    Generator,
    widened,
)
from gan_jax.models.packing import pack
from gan_jax.training.prng import Stream, stream_key
from gan_jax.types import Params
from gan_jax.utils.batched_map import map_rows
from gan_jax.utils.jit import deterministic_jit

GRADIENT_BLOCK = 500  # samples at a time, so that activations fit in the processor's cache


def networks(hparams: Hyperparameters) -> tuple[Generator, Discriminator]:
    """Construct G and D as the hyperparameters describe them."""
    sizes = widened(DISCRIMINATOR_SIZES, hparams.width_multiplier)
    return (
        Generator(
            hparams.precision, widened(GENERATOR_SIZES, hparams.width_multiplier), hparams.stacked_digits * IMAGE_SIZE
        ),
        Discriminator(hparams.precision, sizes, hparams.dropout_rate, hparams.minibatch_stddev),
    )


def generated_images(params: Params, latents: Array, hparams: Hyperparameters) -> Array:
    """Apply G: latents float32 (batch, 128) to images float32 (batch, 784) in [-1, 1]."""
    return cast(Array, networks(hparams)[0].apply(params, latents))


def discriminator_logits(
    params: Params, images: Array, hparams: Hyperparameters, dropout_key: Array | None = None, interleaved: int = 1
) -> Array:
    """Apply D, with packing, spectral normalization and minibatch standard deviation as configured.

    Args:
        params: D's parameters.
        images: float32 (batch, 784) in [-1, 1].
        hparams: static.
        dropout_key: typed key () in training; None for no dropout.
        interleaved: 2 if the batch alternates between real and generated images; the logits then do so, too. Else 1.

    Returns:
        Logits float32 (batch // pack_size,).
    """
    _, discriminator = networks(hparams)
    params = discriminator_weights(params, hparams)
    inputs = pack(images, hparams.pack_size, interleaved)
    return cast(Array, discriminator.apply(params, inputs, dropout_key, interleaved))


def discriminator_weights(params: Params, hparams: Hyperparameters) -> Params:
    """Return D's weights: its parameters, with spectral normalization if configured."""
    return spectral_norm.normalize(params) if hparams.spectral_norm else params


@partial(deterministic_jit, static_argnames=("hparams",))
def generate(generator_params: Params, latents: Array, *, hparams: Hyperparameters) -> Array:
    """Generate images float32 (batch, 784) in [-1, 1] from latents float32 (batch, 128)."""
    return generated_images(generator_params, latents, hparams)


@partial(deterministic_jit, static_argnames=("hparams",))
def discriminate(discriminator_params: Params, images: Array, *, hparams: Hyperparameters) -> Array:
    """Compute D(x) float32 (batch,) in [0, 1], where 1 means real, of images float32 (batch, 784), without dropout.

    With packing there is one output per pack. Images left over from the last complete pack, or the last complete group
    of the minibatch standard deviation, have no output.
    """
    images = images[: len(images) // hparams.group_size * hparams.group_size]
    return jax.nn.sigmoid(discriminator_logits(discriminator_params, images, hparams))


@partial(deterministic_jit, static_argnames=("hparams",))
def sample_gradient_norms(
    discriminator_params: Params, samples: Array, real_images: Array, *, hparams: Hyperparameters
) -> Array:
    """Compute the norm of the gradient of G's loss with respect to the pixels of each sample, without dropout.

    Args:
        discriminator_params: D's parameters.
        samples: float32 (n, 784) in [-1, 1].
        real_images: as many, for losses that compare both.
        hparams: static, with D(x) of single images: a group size of 1.

    Returns:
        float32 (n,), up to a common factor; exact where the gradient is too small to be squared.
    """

    def generator_loss(samples: Array, real_images: Array) -> Array:
        real_logits = discriminator_logits(discriminator_params, real_images, hparams)
        fake_logits = discriminator_logits(discriminator_params, samples, hparams)
        return LOSSES[hparams.loss].generator(real_logits, fake_logits, hparams.targets)

    def norms(rows: Array) -> Array:
        fake, real = jnp.split(rows, 2, axis=1)
        gradient = jax.grad(generator_loss)(fake, real)
        largest = jnp.abs(gradient).max(axis=1)
        scale = jnp.where(largest > 0, largest, 1)
        return scale * jnp.linalg.norm(gradient / scale[:, None], axis=1)

    return map_rows(norms, jnp.concatenate([samples, real_images], axis=1), GRADIENT_BLOCK)


def sample_latents(key: Array, stream: Stream, count: int) -> Array:
    """Draw the latents of a run's samples, float32 (count, 128), from a separate stream: the same in every epoch."""
    return jax.random.normal(stream_key(key, stream), (count, LATENT_SIZE))
