"""The networks that hyperparameters describe, as functions of parameters and arrays.

Here and in `train_step` an image has 784 pixels; one of several channels has 784 each, one channel after the other.
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
    """The two modules that a setting describes."""
    sizes = widened(DISCRIMINATOR_SIZES, hparams.width_multiplier)
    return (
        Generator(
            hparams.precision, widened(GENERATOR_SIZES, hparams.width_multiplier), hparams.stacked_digits * IMAGE_SIZE
        ),
        Discriminator(hparams.precision, sizes, hparams.dropout_rate, hparams.minibatch_stddev),
    )


def generated_images(params: Params, latents: Array, hparams: Hyperparameters) -> Array:
    """G: latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    return cast(Array, networks(hparams)[0].apply(params, latents))


def discriminator_logits(
    params: Params, images: Array, hparams: Hyperparameters, dropout_key: Array | None = None, kinds: int = 1
) -> Array:
    """D: images float32 (batch, 784) in [-1, 1] -> logits float32 (batch // packing,); with a key in training.

    Images of `kinds` kinds take turns in the batch, and so do the logits.
    """
    _, discriminator = networks(hparams)
    params = discriminator_weights(params, hparams)
    return cast(Array, discriminator.apply(params, pack(images, hparams.pack_size, kinds), dropout_key, kinds))


def discriminator_weights(params: Params, hparams: Hyperparameters) -> Params:
    """Return the weights that D multiplies by: its parameters, or their spectral normalization."""
    return spectral_norm.normalize(params) if hparams.spectral_norm else params


@partial(deterministic_jit, static_argnames=("hparams",))
def generate(generator_params: Params, latents: Array, *, hparams: Hyperparameters) -> Array:
    """Latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    return generated_images(generator_params, latents, hparams)


@partial(deterministic_jit, static_argnames=("hparams",))
def discriminate(discriminator_params: Params, images: Array, *, hparams: Hyperparameters) -> Array:
    """D without dropout: images float32 (batch, 784) in [-1, 1] -> verdicts float32 (batch,) in [0, 1], 1 is real.

    With packing there is a verdict a pack; images that fill no pack, or no group of a minibatch deviation, have none.
    """
    images = images[: len(images) // hparams.grouped * hparams.grouped]
    return jax.nn.sigmoid(discriminator_logits(discriminator_params, images, hparams))


def sample_latents(key: Array, stream: Stream, count: int) -> Array:
    """Latents for looking at a run, float32 (count, 128): the same at every epoch, from a stream of their own."""
    return jax.random.normal(stream_key(key, stream), (count, LATENT_SIZE))
