"""G and D, as configured by hyperparameters, as functions of parameters and arrays.

Shapes here and in `train_step` are those of images with one channel of 784 pixels. An image of several channels is a
row of all channels, one after the other.
"""

from functools import partial
from typing import cast

import jax
from jax import Array

from gan_jax.config import Hyperparameters
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
from gan_jax.utils.jit import deterministic_jit


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


def sample_latents(key: Array, stream: Stream, count: int) -> Array:
    """Draw the latents of a run's samples, float32 (count, 128), from a separate stream: the same in every epoch."""
    return jax.random.normal(stream_key(key, stream), (count, LATENT_SIZE))
