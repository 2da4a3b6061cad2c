"""Training step as pure functions: a state and a batch in, a state and metrics out.

An iteration takes one or more steps of D on the same real images, each with new latents, and then one step of G. Each
option of a step has its own module: losses, penalties, instance noise, packing, spectral normalization.
"""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from gan_jax.config import Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.distributed.sharding import shard_batch
from gan_jax.losses.adversarial import LOSSES
from gan_jax.losses.gradient_penalty import draw_points, logits_and_penalties
from gan_jax.models.mlp import LATENT_SIZE
from gan_jax.models.spectral_norm import power_iteration_step
from gan_jax.training.apply_fns import discriminator_logits, generated_images
from gan_jax.training.diagnostics import DiscriminatorInfo, StepInfo, discriminator_info, gradient_norm
from gan_jax.training.instance_noise import add_instance_noise
from gan_jax.training.optimizers import optimizers, scale_by_cosine_decay
from gan_jax.training.prng import Stream, stream_key
from gan_jax.training.state import GanState, update_ema
from gan_jax.types import Params
from gan_jax.utils.jit import deterministic_jit


def discriminator_step(
    state: GanState, real_images: Array, inner_step: Array, hparams: Hyperparameters
) -> tuple[GanState, DiscriminatorInfo]:
    """Update D once, on a batch of real images and as many generated ones.

    Args:
        state: the state before.
        real_images: float32 (batch, 784) in [-1, 1].
        inner_step: int32 (), index of this step among the iteration's steps of D.
        hparams: static.

    Returns:
        The state after, and the step's metrics.
    """

    def key(stream: Stream) -> Array:
        return stream_key(state.key, stream, state.iteration, inner_step)

    weights = hparams.penalties
    latent_key, dropout_key = key(Stream.DISCRIMINATOR_LATENTS), key(Stream.DISCRIMINATOR_DROPOUT)
    latents = shard_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    fake_images = generated_images(state.generator, latents, hparams)
    batch = add_instance_noise(interleave(real_images, fake_images), partial(key, Stream.DISCRIMINATOR_NOISE), hparams)
    points = draw_points(partial(key, Stream.PENALTIES), real_images, fake_images, weights, hparams.pack_size)

    def loss_fn(params: Params) -> tuple[Array, tuple[Array, Array, Array]]:
        def discriminator(images: Array, interleaved: int, dropout_key: Array) -> Array:
            return discriminator_logits(params, images, hparams, dropout_key, interleaved)

        logits, penalties = logits_and_penalties(discriminator, batch, dropout_key, points, weights, hparams.pack_size)
        real_logits, fake_logits = logits.reshape(-1, 2).T
        loss = LOSSES[hparams.loss].discriminator(real_logits, fake_logits, hparams.targets)
        return sum(penalties, start=loss), (loss, real_logits, fake_logits)

    gradient, (loss, real_logits, fake_logits) = jax.grad(loss_fn, has_aux=True)(state.discriminator)
    _, optimizer = optimizers(hparams)
    updates, optimizer_state = optimizer.update(gradient, state.discriminator_optimizer)
    info = discriminator_info(loss, real_logits, fake_logits, gradient)
    updates = scale_by_cosine_decay(updates, state.epoch, hparams)
    params = cast(Params, optax.apply_updates(state.discriminator, updates))
    if hparams.spectral_norm:
        params = power_iteration_step(params)
    return state._replace(discriminator=params, discriminator_optimizer=optimizer_state), info


def interleave(real_images: Array, fake_images: Array) -> Array:
    """Alternate real and generated images in one batch: twice (batch, size) to (2 batch, size).

    Unlike with concatenation, each device of a batch that is sharded over several already holds all of its rows.
    """
    return jnp.stack([real_images, fake_images], axis=1).reshape(-1, real_images.shape[1])


def generator_step(state: GanState, real_images: Array, hparams: Hyperparameters) -> tuple[GanState, Array, Array]:
    """Update G once on new latents; return the state after, G's loss () and the norm () of its gradient, float32."""
    latent_key = stream_key(state.key, Stream.GENERATOR_LATENTS, state.iteration)
    latents = shard_batch(jax.random.normal(latent_key, (len(real_images), LATENT_SIZE)))
    dropout_key = stream_key(state.key, Stream.GENERATOR_DROPOUT, state.iteration)
    real_key, fake_key = jax.random.split(dropout_key)

    def logits(images: Array, dropout_key: Array, noise_index: int) -> Array:
        noise_key = partial(stream_key, state.key, Stream.GENERATOR_NOISE, state.iteration, noise_index)
        images = add_instance_noise(images, noise_key, hparams)
        return discriminator_logits(state.discriminator, images, hparams, dropout_key)

    def loss_fn(params: Params) -> Array:
        fake_logits = logits(generated_images(params, latents, hparams), fake_key, 0)
        real_logits = logits(real_images, real_key, 1)  # for relativistic losses; XLA removes unused ones
        return LOSSES[hparams.loss].generator(real_logits, fake_logits, hparams.targets)

    loss, gradient = jax.value_and_grad(loss_fn)(state.generator)
    optimizer, _ = optimizers(hparams)
    updates, optimizer_state = optimizer.update(gradient, state.generator_optimizer)
    updates = scale_by_cosine_decay(updates, state.epoch, hparams)
    params = cast(Params, optax.apply_updates(state.generator, updates))
    state = state._replace(generator=params, generator_optimizer=optimizer_state)
    return update_ema(state, hparams.ema_decay), loss, gradient_norm(gradient)


def unjitted_train_step(
    state: GanState, images: Array, *, hparams: Hyperparameters, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    """Take one iteration as `train_step` does, without compiling it."""
    real_images = to_unit_range(shard_batch(images))

    def inner(state: GanState, inner_step: Array) -> tuple[GanState, DiscriminatorInfo]:
        return discriminator_step(state, real_images, inner_step, hparams)

    state, infos = lax.scan(inner, state, jnp.arange(discriminator_steps))
    state, generator_loss, generator_norm = generator_step(state, real_images, hparams)
    info = StepInfo(
        **jax.tree.map(jnp.mean, infos)._asdict(),
        generator_loss=generator_loss,
        generator_gradient_norm=generator_norm,
    )
    return state._replace(iteration=state.iteration + 1), info


@partial(deterministic_jit, static_argnames=("hparams", "discriminator_steps"))
def train_step(
    state: GanState, images: Array, *, hparams: Hyperparameters, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    """Take one iteration: `discriminator_steps` updates of D on the same real images, then one of G.

    Args:
        state: the state before.
        images: uint8 (batch, 784), real images.
        hparams: static.
        discriminator_steps: static, at least 1.

    Returns:
        The state after, and the iteration's metrics.
    """
    return unjitted_train_step(state, images, hparams=hparams, discriminator_steps=discriminator_steps)
