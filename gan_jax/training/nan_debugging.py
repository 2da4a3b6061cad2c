"""Search for the operation that first gave a non-finite number: the diverged epoch again, step by step."""

import traceback
from pathlib import Path
from types import TracebackType

import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.config import Hyperparameters
from gan_jax.training.state import GanState
from gan_jax.training.train_epoch import epoch_permutation, gather_batch
from gan_jax.training.train_step import train_step, unjitted_train_step

PACKAGE = Path(__file__).parents[1]


def locate_nonfinite_op(
    state: GanState, images: Array, hparams: Hyperparameters, discriminator_steps: int
) -> list[str]:
    """Train an epoch iteration by iteration, and the first that is not finite operation by operation.

    An iteration alone gives the bits that it gives in an epoch. One operation at a time may round differently, since
    what XLA has fused is taken apart.

    Args:
        state: that before the epoch; it is not consumed.
        images: uint8 (n, 784), on the state's device.
        setting: the run's.
        discriminator_steps: of the epoch.

    Returns:
        Lines that tell the iteration, the operation, and where in the package it was computed, outermost call first.
    """
    order = epoch_permutation(state.key, state.epoch, len(images), hparams.batch_size, hparams.stacked_digits)
    for number, indices in enumerate(order, start=1):
        batch = gather_batch(images, indices)
        after, info = train_step(state, batch, hparams=hparams, discriminator_steps=discriminator_steps)
        if _finite((after._replace(key=None), info)):
            state = after
            continue
        try:
            with jax.debug_nans(True), jax.debug_infs(True), jax.disable_jit():
                unjitted_train_step(state, batch, hparams=hparams, discriminator_steps=discriminator_steps)
        except FloatingPointError as error:
            return [f"iteration {number}: {error}, computed in", *_calls(error.__traceback__)]
        return [f"iteration {number} is not finite compiled, but is when computed operation by operation"]
    return ["trained again iteration by iteration, the epoch is finite"]


def _finite(tree: object) -> bool:
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return all(bool(jnp.isfinite(leaf).all()) for leaf in floats)


def _calls(trace: TracebackType | None) -> list[str]:
    """The package's own lines of a traceback but for this file's."""
    own = [
        frame
        for frame in traceback.extract_tb(trace)
        if Path(frame.filename).is_relative_to(PACKAGE) and frame.filename != __file__
    ]
    return [f"  {Path(frame.filename).relative_to(PACKAGE.parent)}:{frame.lineno}: {frame.line}" for frame in own]
