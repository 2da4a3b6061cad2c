"""The two players: networks and optimisers that a setting describes, and the state of a game between them.

Here and in `training` an image is of 784 pixels; of several channels it is of 784 each, one channel after the other.
"""

from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gan_jax import spectral
from gan_jax.config import Setting
from gan_jax.keys import Stream, stream_key
from gan_jax.models import (
    DISCRIMINATOR_SIZES,
    GENERATOR_SIZES,
    IMAGE_SIZE,
    LATENT_SIZE,
    Discriminator,
    Generator,
    widened,
)

# {"params": {layer: {"kernel": float32 (fan_in, features), "bias": float32 (features,)}}}; of a normalised D, besides,
# {"singular": {layer: float32 (features,)}}, as `spectral` has it.
Params = dict


class GanState(NamedTuple):
    """All that is needed to go on."""

    generator: Params
    discriminator: Params
    generator_optimizer: optax.OptState  # Adam's moments, of the parameters' shapes, float32
    discriminator_optimizer: optax.OptState
    epoch: Array  # int32 (), epochs completed
    iteration: Array  # int32 (), iterations completed since the start
    key: Array  # typed key (), the root of the key tree; never changes
    # Of G's parameters over the iterations, if the setting keeps one. It begins at the first G and is not corrected for
    # that: with a decay of 0.999 it has some of it for thousands of iterations.
    average: Params | None = None

    @property
    def delivered(self) -> Params:
        """The G to draw samples with: the average where there is one."""
        return self.generator if self.average is None else self.average


def networks(setting: Setting) -> tuple[Generator, Discriminator]:
    """The two modules that a setting describes."""
    sizes = widened(DISCRIMINATOR_SIZES, setting.width)
    return (
        Generator(setting.precision, widened(GENERATOR_SIZES, setting.width), setting.channels * IMAGE_SIZE),
        Discriminator(setting.precision, sizes, setting.dropout_rate, setting.minibatch_deviation),
    )


def generated_images(params: Params, latents: Array, setting: Setting) -> Array:
    """G: latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    return cast(Array, networks(setting)[0].apply(params, latents))


def discriminator_logits(
    params: Params, images: Array, setting: Setting, dropout_key: Array | None = None, kinds: int = 1
) -> Array:
    """D: images float32 (batch, 784) in [-1, 1] -> logits float32 (batch // packing,); with a key in training.

    Images of `kinds` kinds take turns in the batch, and so do the logits.
    """
    _, discriminator = networks(setting)
    params = discriminator_weights(params, setting)
    return cast(Array, discriminator.apply(params, _packed(images, setting.packing, kinds), dropout_key, kinds))


def discriminator_weights(params: Params, setting: Setting) -> Params:
    """What D multiplies by: its parameters as they are trained, or normalised."""
    return spectral.normalised(params) if setting.spectral_normalisation else params


def _packed(images: Array, packing: int, kinds: int) -> Array:
    """So many images of one kind as one input: (batch, 784) -> (batch // packing, packing * 784)."""
    if packing == 1:
        return images
    turns = images.reshape(-1, packing, kinds, images.shape[1]).swapaxes(1, 2)
    return turns.reshape(-1, packing * images.shape[1])


def optimizers(setting: Setting) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """G's and D's Adam (Kingma and Ba 2015) with torch's place and size of epsilon."""

    def adam(learning_rate: float, b1: float, b2: float) -> optax.GradientTransformation:
        return optax.adam(learning_rate, b1, b2, eps=1e-8)

    return adam(*setting.generator_adam), adam(setting.learning_rate, setting.adam_b1, setting.adam_b2)


@partial(jax.jit, static_argnames=("setting",))
def init_state(key: Array, setting: Setting) -> GanState:
    """The state before the first iteration.

    Args:
        key: typed key (), the root of the run's key tree: `jax.random.key(seed)`.
        setting: the run's setting.
    """
    generator, discriminator = networks(setting)
    generator_optimizer, discriminator_optimizer = optimizers(setting)
    generator_key, discriminator_key = jax.random.split(stream_key(key, Stream.INITIAL_WEIGHTS))
    generator_params = cast(Params, generator.init(generator_key, jnp.zeros((1, LATENT_SIZE))))
    discriminator_params = cast(
        Params, discriminator.init(discriminator_key, jnp.zeros((1, setting.packing * setting.channels * IMAGE_SIZE)))
    )
    if setting.spectral_normalisation:
        discriminator_params = spectral.with_vectors(discriminator_params)
    return GanState(
        generator=generator_params,
        discriminator=discriminator_params,
        generator_optimizer=generator_optimizer.init(generator_params),
        discriminator_optimizer=discriminator_optimizer.init(discriminator_params),
        epoch=jnp.int32(0),
        iteration=jnp.int32(0),
        key=key,
        average=jax.tree.map(jnp.copy, generator_params) if setting.averaging else None,
    )
