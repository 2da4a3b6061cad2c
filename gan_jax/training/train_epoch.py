"""Epoch of training: one pass over the images in a new random order, as one compiled scan of the training step."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from gan_jax.config import Hyperparameters
from gan_jax.distributed.sharding import constrain_replicated, shard_map_seeds
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.prng import Stream, stream_key
from gan_jax.training.state import GanState
from gan_jax.training.train_step import unjitted_train_step
from gan_jax.utils.jit import deterministic_jit


def epoch_permutation(key: Array, epoch: Array, size: int, batch_size: int, channels: int = 1) -> Array:
    """Draw an epoch's permutation of the images, without the remainder that does not fill a batch.

    Args:
        key: typed key (), the root of the run's key tree.
        epoch: int32 (), epochs completed.
        size: number of images.
        batch_size: from 1 to `size`.
        channels: number of images stacked into one, each channel with a separate permutation.

    Returns:
        Indices int32 (size // batch_size, batch_size), or (size // batch_size, batch_size, channels) if channels > 1.
    """

    def order(*channel: int) -> Array:
        order = jax.random.permutation(stream_key(key, Stream.EPOCH_ORDER, epoch, *channel), size)
        batches = size // batch_size
        return order[: batches * batch_size].reshape(batches, batch_size)

    return order() if channels == 1 else jnp.stack([order(index) for index in range(channels)], axis=-1)


def gather_batch(images: Array, indices: Array) -> Array:
    """Gather a batch of images, with their channels concatenated.

    Args:
        images: uint8 (n, 784).
        indices: int32 (batch,) or (batch, channels), a row of `epoch_permutation`.

    Returns:
        uint8 (batch, 784) or (batch, channels * 784).
    """
    batch = images[indices]
    return batch if indices.ndim == 1 else batch.reshape(len(batch), -1)


def _epoch(
    state: GanState, images: Array, *, hparams: Hyperparameters, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    def body(state: GanState, indices: Array) -> tuple[GanState, StepInfo]:
        batch = gather_batch(images, indices)
        return unjitted_train_step(state, batch, hparams=hparams, discriminator_steps=discriminator_steps)

    order = epoch_permutation(state.key, state.epoch, len(images), hparams.batch_size, hparams.stacked_digits)
    state, infos = lax.scan(body, state, order)
    return state._replace(epoch=state.epoch + 1), infos


@partial(deterministic_jit, static_argnames=("hparams", "discriminator_steps"), donate_argnames=("state",))
def train_epoch(
    state: GanState, images: Array, *, hparams: Hyperparameters, discriminator_steps: int
) -> tuple[GanState, StepInfo]:
    """Train for one pass over the images in a new random order, as one compiled scan of `train_step`.

    Args:
        state: the state before; its buffers are donated.
        images: uint8 (n, 784), n at least the batch size; an argument, so that the program does not contain them.
        hparams: static.
        discriminator_steps: steps of D per iteration, static, at least 1.

    Returns:
        The state after the epoch, and the metrics of each iteration, float32 (n // batch_size,) per field.
    """
    return constrain_replicated(_epoch(state, images, hparams=hparams, discriminator_steps=discriminator_steps))


@partial(deterministic_jit, static_argnames=("hparams", "discriminator_steps"), donate_argnames=("states",))
def train_epoch_vmapped(
    states: tuple[GanState, ...], images: Array, *, hparams: Hyperparameters, discriminator_steps: int
) -> tuple[tuple[GanState, ...], tuple[StepInfo, ...]]:
    """Train several seeds for an epoch in one vectorized program, on an accelerator that a single run cannot fill.

    Sums are in a different order than in `train_epoch`, so that the bits of a seed depend on the number of seeds.
    Arguments and results are as for `train_epoch`, with tuples of states and metrics in the order of the seeds.
    """
    # Keys are passed as raw bits and restored afterwards: the key-reuse checker counts stacking and slicing as uses.
    keys = jnp.stack([jax.random.key_data(state.key) for state in states])
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(state._replace(key=None) for state in states))

    def epoch(key: Array, state: GanState, images: Array) -> tuple[GanState, StepInfo]:
        state = state._replace(key=jax.random.wrap_key_data(key, impl=jax.random.key_impl(states[0].key)))
        state, infos = _epoch(state, images, hparams=hparams, discriminator_steps=discriminator_steps)
        return state._replace(key=None), infos

    trained, infos = constrain_replicated(shard_map_seeds(jax.vmap(epoch, in_axes=(0, 0, None)))(keys, stacked, images))

    def seed(index: int) -> tuple[GanState, StepInfo]:
        state, info = jax.tree.map(lambda leaf: leaf[index], (trained, infos))
        return state._replace(key=states[index].key), info

    each = [seed(index) for index in range(len(states))]
    return tuple(state for state, _ in each), tuple(info for _, info in each)
