"""Training as pure functions: a state and a batch in, a state and a report out; an epoch is one compiled scan."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gan_jax import spectral
from gan_jax.config import Setting
from gan_jax.keys import Stream, stream_key
from gan_jax.losses import LOSSES
from gan_jax.models import LATENT_SIZE
from gan_jax.penalties import around, between, logits_and_squared_slopes, one_centred, zero_centred
from gan_jax.pixels import to_unit_range
from gan_jax.players import GanState, Params, discriminator_logits, generated_images, optimizers
from gan_jax.programs import deterministic_jit
from gan_jax.sharding import over_batch, over_seeds, whole


class StepInfo(NamedTuple):
    """What an iteration reports, float32 () each; of several discriminator steps, their mean.

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


def discriminator_step(
    state: GanState, real_images: Array, inner_step: Array, setting: Setting
) -> tuple[GanState, DiscriminatorInfo]:
    """One update of D on a batch of real images, float32 (batch, 784) in [-1, 1], and as many generated ones.

    Real and generated images go through D as one batch. `inner_step`, int32 (), tells the steps of an iteration apart.
    """

    def key(stream: Stream) -> Array:
        return stream_key(state.key, stream, state.iteration, inner_step)

    latent_key, dropout_key = key(Stream.DISCRIMINATOR_LATENTS), key(Stream.DISCRIMINATOR_DROPOUT)
    latents = over_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    fake_images = generated_images(state.generator, latents, setting)
    # Pair by pair, not one half after the other: of a batch over several devices each then has both halves of its rows.
    pairs = jnp.stack([real_images, fake_images], axis=1).reshape(-1, real_images.shape[1])
    images = _noisy(pairs, partial(key, Stream.DISCRIMINATOR_NOISE), setting)
    points = list(_one_centred_points(partial(key, Stream.PENALTIES), real_images, fake_images, setting))

    def loss(params: Params) -> tuple[Array, tuple[Array, Array, Array]]:
        def discriminator(images: Array, kinds: int, dropout_key: Array = dropout_key) -> Array:
            return discriminator_logits(params, images, setting, dropout_key, kinds)

        penalties = []
        if setting.r1 or setting.r2:
            logits, squared_slopes = logits_and_squared_slopes(partial(discriminator, kinds=2), images)
            # The slope in a pack of images is that in all of them together.
            real_slopes, fake_slopes = squared_slopes.reshape(-1, setting.packing, 2).sum(axis=1).T
            weighed = (setting.r1, real_slopes), (setting.r2, fake_slopes)
            # Not at weight 0: times an infinite slope that would be no number.
            penalties += [weight * zero_centred(slopes) for weight, slopes in weighed if weight]
        else:
            logits = discriminator(images, kinds=2)
        for weight, where, dropout in points:
            _, squared_slopes = logits_and_squared_slopes(partial(discriminator, kinds=1, dropout_key=dropout), where)
            penalties.append(weight * one_centred(squared_slopes.reshape(-1, setting.packing).sum(axis=1)))
        real_logits, fake_logits = logits.reshape(-1, 2).T
        value = LOSSES[setting.loss].discriminator(real_logits, fake_logits, setting.targets)
        return sum(penalties, start=value), (value, real_logits, fake_logits)

    gradient, (value, real_logits, fake_logits) = jax.grad(loss, has_aux=True)(state.discriminator)
    _, optimizer = optimizers(setting)
    updates, optimizer_state = optimizer.update(gradient, state.discriminator_optimizer)
    info = DiscriminatorInfo(
        discriminator_loss=value,
        real_probability=jax.nn.sigmoid(real_logits).mean(),
        fake_probability=jax.nn.sigmoid(fake_logits).mean(),
        discriminator_accuracy=((real_logits > 0).mean() + (fake_logits < 0).mean()) / 2,
        discriminator_gradient_norm=gradient_norm(gradient),
    )
    params = cast(Params, optax.apply_updates(state.discriminator, _annealed(updates, state.epoch, setting)))
    if setting.spectral_normalisation:
        params = spectral.followed(params)
    return state._replace(discriminator=params, discriminator_optimizer=optimizer_state), info


def _one_centred_points(
    key: Callable[[], Array], real_images: Array, fake_images: Array, setting: Setting
) -> Iterator[tuple[float, Array, Array]]:
    """Of the penalties that draw D's slopes to 1 the weight, the images, float32 (batch, 784), and a key for dropout.

    The images are without noise, whatever D learns from.
    """

    def part(index: int) -> Array:
        return jax.random.fold_in(key(), index)

    if setting.gradient_penalty:
        yield setting.gradient_penalty, between(part(0), real_images, fake_images, setting.packing), part(2)
    if setting.dragan:
        yield setting.dragan, around(part(1), real_images, setting.packing), part(3)


def _noisy(images: Array, key: Callable[[], Array], setting: Setting) -> Array:
    """What D sees of images: with the noise that the setting asks for."""
    if not setting.instance_noise:
        return images
    return images + setting.instance_noise * jax.random.normal(key(), images.shape)


def _annealed(updates: optax.Updates, epoch: Array, setting: Setting) -> optax.Updates:
    """The updates at an epoch's learning rate, which falls in half a cosine (Loshchilov and Hutter 2017, eq. 5)."""
    if not setting.cosine_epochs:
        return updates
    share = jnp.minimum(epoch / setting.cosine_epochs, 1)
    factor = (1 + jnp.cos(jnp.pi * share)) / 2
    return jax.tree.map(lambda update: factor * update, updates)


def generator_step(state: GanState, real_images: Array, setting: Setting) -> tuple[GanState, Array, Array]:
    """One update of G on fresh latents; returns the state, the loss and the gradient's norm, float32 () each."""
    latent_key = stream_key(state.key, Stream.GENERATOR_LATENTS, state.iteration)
    latents = over_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    dropout_key = stream_key(state.key, Stream.GENERATOR_DROPOUT, state.iteration)
    real_key, fake_key = jax.random.split(dropout_key)

    def logits(images: Array, dropout_key: Array, kind: int) -> Array:
        noise_key = partial(stream_key, state.key, Stream.GENERATOR_NOISE, state.iteration, kind)
        images = _noisy(images, noise_key, setting)
        return discriminator_logits(state.discriminator, images, setting, dropout_key)

    def loss(params: Params) -> Array:
        fake_logits = logits(generated_images(params, latents, setting), fake_key, 0)
        real_logits = logits(real_images, real_key, 1)
        return LOSSES[setting.loss].generator(real_logits, fake_logits, setting.targets)

    value, gradient = jax.value_and_grad(loss)(state.generator)
    optimizer, _ = optimizers(setting)
    updates, optimizer_state = optimizer.update(gradient, state.generator_optimizer)
    params = optax.apply_updates(state.generator, _annealed(updates, state.epoch, setting))
    state = state._replace(generator=params, generator_optimizer=optimizer_state)
    if state.average is not None:
        kept = setting.averaging
        average = jax.tree.map(lambda mean, new: kept * mean + (1 - kept) * new, state.average, params)
        state = state._replace(average=average)
    return state, value, gradient_norm(gradient)


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


def epoch_order(key: Array, epoch: Array, size: int, batch_size: int, channels: int = 1) -> Array:
    """A fresh permutation of the images for each epoch, the rest that fills no batch left out.

    Returns:
        int32 (size // batch_size, batch_size), with channels (..., channels): of each an order of its own.
    """

    def order(*channel: int) -> Array:
        order = jax.random.permutation(stream_key(key, Stream.EPOCH_ORDER, epoch, *channel), size)
        batches = size // batch_size
        return order[: batches * batch_size].reshape(batches, batch_size)

    return order() if channels == 1 else jnp.stack([order(index) for index in range(channels)], axis=-1)


def batch_of(images: Array, indices: Array) -> Array:
    """A batch in an order: of uint8 (n, 784) uint8 (batch, 784), with channels one after the other (batch, c 784)."""
    batch = images[indices]
    return batch if indices.ndim == 1 else batch.reshape(len(batch), -1)


def _epoch(state: GanState, images: Array, *, setting: Setting, discriminator_steps: int) -> tuple[GanState, StepInfo]:
    def body(state: GanState, indices: Array) -> tuple[GanState, StepInfo]:
        batch = batch_of(images, indices)
        return iterate(state, batch, setting=setting, discriminator_steps=discriminator_steps)

    order = epoch_order(state.key, state.epoch, len(images), setting.batch_size, setting.channels)
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
    """D without dropout: images float32 (batch, 784) in [-1, 1] -> verdicts float32 (batch,) in [0, 1], 1 is real.

    With packing there is a verdict a pack; images that fill no pack, or no group of a minibatch deviation, have none.
    """
    images = images[: len(images) // setting.grouped * setting.grouped]
    return jax.nn.sigmoid(discriminator_logits(discriminator_params, images, setting))


def latents_of(key: Array, stream: Stream, count: int) -> Array:
    """Latents for looking at a run, float32 (count, 128): the same at every epoch, from a stream of their own."""
    return jax.random.normal(stream_key(key, stream), (count, LATENT_SIZE))
