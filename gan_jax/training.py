"""Training as pure functions: a state and a batch in, a state and a report out; an epoch is one compiled scan."""

from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gan_jax.config import Setting
from gan_jax.keys import Stream, stream_key
from gan_jax.losses import LOSSES
from gan_jax.models import (
    DISCRIMINATOR_SIZES,
    GENERATOR_SIZES,
    IMAGE_SIZE,
    LATENT_SIZE,
    Discriminator,
    Generator,
    widened,
)
from gan_jax.pixels import to_unit_range
from gan_jax.programs import deterministic_jit
from gan_jax.sharding import over_batch, over_seeds, whole

Params = dict  # {"params": {layer: {"kernel": float32 (fan_in, features), "bias": float32 (features,)}}}


class GanState(NamedTuple):
    """All that is needed to go on."""

    generator: Params
    discriminator: Params
    generator_optimizer: optax.OptState  # Adam's moments, of the parameters' shapes, float32
    discriminator_optimizer: optax.OptState
    epoch: Array  # int32 (), epochs completed
    iteration: Array  # int32 (), iterations completed since the start
    key: Array  # typed key (), the root of the key tree; never changes


class StepInfo(NamedTuple):
    """What an iteration reports, float32 () each; of several discriminator steps, their mean.

    D's figures are of the discriminator step: before its update, on its batch, with dropout.
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


def networks(setting: Setting) -> tuple[Generator, Discriminator]:
    """The two modules that a setting describes."""
    return (
        Generator(setting.precision, widened(GENERATOR_SIZES, setting.width)),
        Discriminator(setting.precision, widened(DISCRIMINATOR_SIZES, setting.width), setting.dropout_rate),
    )


def generated_images(params: Params, latents: Array, setting: Setting) -> Array:
    """G: latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    return cast(Array, networks(setting)[0].apply(params, latents))


def discriminator_logits(params: Params, images: Array, setting: Setting, dropout_key: Array) -> Array:
    """D in training: images float32 (batch, 784) in [-1, 1] -> logits float32 (batch,)."""
    return cast(Array, networks(setting)[1].apply(params, images, dropout_key))


def adam(setting: Setting) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015) with torch's place and size of epsilon."""
    return optax.adam(setting.learning_rate, setting.adam_b1, setting.adam_b2, eps=1e-8)


@partial(jax.jit, static_argnames=("setting",))
def init_state(key: Array, setting: Setting) -> GanState:
    """The state before the first iteration.

    Args:
        key: typed key (), the root of the run's key tree: `jax.random.key(seed)`.
        setting: the run's setting.
    """
    generator, discriminator = networks(setting)
    optimizer = adam(setting)
    generator_key, discriminator_key = jax.random.split(stream_key(key, Stream.INITIAL_WEIGHTS))
    generator_params = cast(Params, generator.init(generator_key, jnp.zeros((1, LATENT_SIZE))))
    discriminator_params = cast(Params, discriminator.init(discriminator_key, jnp.zeros((1, IMAGE_SIZE))))
    return GanState(
        generator=generator_params,
        discriminator=discriminator_params,
        generator_optimizer=optimizer.init(generator_params),
        discriminator_optimizer=optimizer.init(discriminator_params),
        epoch=jnp.int32(0),
        iteration=jnp.int32(0),
        key=key,
    )


def gradient_norm(gradient: Params) -> Array:
    """Euclidean norm over all leaves, float32 (), exact down to the smallest normal number.

    The squares of a vanishing gradient's elements underflow to 0 long before the elements do, and a gradient that
    vanishes is what `part_b` is about: so the elements are scaled by the largest.
    """
    leaves = jax.tree.leaves(gradient)
    largest = jnp.stack([jnp.abs(leaf).max() for leaf in leaves]).max()
    scale = jnp.where(largest > 0, largest, 1)
    return scale * jnp.sqrt(sum(jnp.sum((leaf / scale) ** 2) for leaf in leaves))


def discriminator_step(
    state: GanState, real_images: Array, inner_step: Array, setting: Setting
) -> tuple[GanState, DiscriminatorInfo]:
    """One update of D on a batch of real images, float32 (batch, 784) in [-1, 1], and as many generated ones.

    Real and generated images go through D as one batch. `inner_step`, int32 (), tells the steps of an iteration apart.
    """
    latent_key = stream_key(state.key, Stream.DISCRIMINATOR_LATENTS, state.iteration, inner_step)
    dropout_key = stream_key(state.key, Stream.DISCRIMINATOR_DROPOUT, state.iteration, inner_step)
    latents = over_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    # Pair by pair, not one half after the other: of a batch over several devices each then has both halves of its rows.
    pairs = jnp.stack([real_images, generated_images(state.generator, latents, setting)], axis=1)
    images = pairs.reshape(-1, IMAGE_SIZE)

    def loss(params: Params) -> tuple[Array, tuple[Array, Array]]:
        real_logits, fake_logits = discriminator_logits(params, images, setting, dropout_key).reshape(-1, 2).T
        value = LOSSES[setting.loss].discriminator(real_logits, fake_logits, setting.targets)
        return value, (real_logits, fake_logits)

    (value, (real_logits, fake_logits)), gradient = jax.value_and_grad(loss, has_aux=True)(state.discriminator)
    updates, optimizer_state = adam(setting).update(gradient, state.discriminator_optimizer)
    info = DiscriminatorInfo(
        discriminator_loss=value,
        real_probability=jax.nn.sigmoid(real_logits).mean(),
        fake_probability=jax.nn.sigmoid(fake_logits).mean(),
        discriminator_accuracy=((real_logits > 0).mean() + (fake_logits < 0).mean()) / 2,
        discriminator_gradient_norm=gradient_norm(gradient),
    )
    params = optax.apply_updates(state.discriminator, updates)
    return state._replace(discriminator=params, discriminator_optimizer=optimizer_state), info


def generator_step(state: GanState, real_images: Array, setting: Setting) -> tuple[GanState, Array, Array]:
    """One update of G on fresh latents; returns the state, the loss and the gradient's norm, float32 () each."""
    latent_key = stream_key(state.key, Stream.GENERATOR_LATENTS, state.iteration)
    latents = over_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    dropout_key = stream_key(state.key, Stream.GENERATOR_DROPOUT, state.iteration)
    real_key, fake_key = jax.random.split(dropout_key)

    def loss(params: Params) -> Array:
        images = generated_images(params, latents, setting)
        fake_logits = discriminator_logits(state.discriminator, images, setting, fake_key)
        real_logits = discriminator_logits(state.discriminator, real_images, setting, real_key)
        return LOSSES[setting.loss].generator(real_logits, fake_logits, setting.targets)

    value, gradient = jax.value_and_grad(loss)(state.generator)
    updates, optimizer_state = adam(setting).update(gradient, state.generator_optimizer)
    params = optax.apply_updates(state.generator, updates)
    return state._replace(generator=params, generator_optimizer=optimizer_state), value, gradient_norm(gradient)


def iterate(state: GanState, images: Array, *, setting: Setting, discriminator_steps: int) -> tuple[GanState, StepInfo]:
    """`train_step` before it is compiled."""
    real_images = to_unit_range(over_batch(images))

    def inner(state: GanState, inner_step: Array) -> tuple[GanState, DiscriminatorInfo]:
        return discriminator_step(state, real_images, inner_step, setting)

    state, infos = lax.scan(inner, state, jnp.arange(discriminator_steps))
    state, generator_loss, generator_norm = generator_step(state, real_images, setting)
    info = StepInfo(
        **jax.tree.map(jnp.mean, infos)._asdict(),
        generator_loss=generator_loss,
        generator_gradient_norm=generator_norm,
    )
    return state._replace(iteration=state.iteration + 1), info


@partial(deterministic_jit, static_argnames=("setting", "discriminator_steps"))
def train_step(
    state: GanState, images: Array, *, setting: Setting, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    """One iteration: `discriminator_steps` updates of D on the same real images, then one of G, each with fresh noise.

    Args:
        state: what to go on from.
        images: uint8 (batch, 784), real images.
        setting: static; the loss variant is in it.
        discriminator_steps: static, at least 1.
    """
    return iterate(state, images, setting=setting, discriminator_steps=discriminator_steps)


def epoch_order(key: Array, epoch: Array, size: int, batch_size: int) -> Array:
    """A fresh permutation of the images for each epoch: int32 (size // batch_size, batch_size), the rest left out."""
    order = jax.random.permutation(stream_key(key, Stream.EPOCH_ORDER, epoch), size)
    batches = size // batch_size
    return order[: batches * batch_size].reshape(batches, batch_size)


def _epoch(state: GanState, images: Array, *, setting: Setting, discriminator_steps: int) -> tuple[GanState, StepInfo]:
    def body(state: GanState, indices: Array) -> tuple[GanState, StepInfo]:
        return iterate(state, images[indices], setting=setting, discriminator_steps=discriminator_steps)

    order = epoch_order(state.key, state.epoch, len(images), setting.batch_size)
    state, infos = lax.scan(body, state, order)
    return state._replace(epoch=state.epoch + 1), infos


@partial(deterministic_jit, static_argnames=("setting", "discriminator_steps"), donate_argnames=("state",))
def train_epoch(
    state: GanState, images: Array, *, setting: Setting, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    """One pass over the images in a fresh order, as one compiled scan of `train_step`. The given state is consumed.

    Args:
        state: what to go on from; its buffers are donated.
        images: uint8 (n, 784), n at least the batch size; an argument so that the program does not contain them.
        setting: static.
        discriminator_steps: static, at least 1.

    Returns:
        The state after it, and the report of each iteration, float32 (n // batch size,) a field.
    """
    return whole(_epoch(state, images, setting=setting, discriminator_steps=discriminator_steps))


@partial(deterministic_jit, static_argnames=("setting", "discriminator_steps"), donate_argnames=("states",))
def train_epoch_of_seeds(
    states: tuple[GanState, ...], images: Array, *, setting: Setting, discriminator_steps: int
) -> tuple[tuple[GanState, ...], tuple[StepInfo, ...]]:
    """`train_epoch` of several seeds in one vectorised program, which fills an accelerator that one run leaves idle.

    Sums are taken in another order than in `train_epoch`, so a seed's bits are those of this program and this number
    of seeds.
    """
    # Keys go in as their bits and come out as they were: the key-reuse checker takes stacking and slicing for uses.
    keys = jnp.stack([jax.random.key_data(state.key) for state in states])
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(state._replace(key=None) for state in states))

    def epoch(key: Array, state: GanState, images: Array) -> tuple[GanState, StepInfo]:
        state = state._replace(key=jax.random.wrap_key_data(key, impl=jax.random.key_impl(states[0].key)))
        state, infos = _epoch(state, images, setting=setting, discriminator_steps=discriminator_steps)
        return state._replace(key=None), infos

    trained, infos = whole(over_seeds(jax.vmap(epoch, in_axes=(0, 0, None)))(keys, stacked, images))

    def seed(index: int) -> tuple[GanState, StepInfo]:
        state, info = jax.tree.map(lambda leaf: leaf[index], (trained, infos))
        return state._replace(key=states[index].key), info

    each = [seed(index) for index in range(len(states))]
    return tuple(state for state, _ in each), tuple(info for _, info in each)


@partial(deterministic_jit, static_argnames=("setting",))
def generate(generator_params: Params, latents: Array, *, setting: Setting) -> Array:
    """Latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    return generated_images(generator_params, latents, setting)


@partial(deterministic_jit, static_argnames=("setting",))
def judge(discriminator_params: Params, images: Array, *, setting: Setting) -> Array:
    """D without dropout: images float32 (batch, 784) in [-1, 1] -> verdicts float32 (batch,) in [0, 1], 1 is real."""
    return jax.nn.sigmoid(cast(Array, networks(setting)[1].apply(discriminator_params, images)))


def latents_of(key: Array, stream: Stream, count: int) -> Array:
    """Latents for looking at a run, float32 (count, 128): the same at every epoch, from a stream of their own."""
    return jax.random.normal(stream_key(key, stream), (count, LATENT_SIZE))
