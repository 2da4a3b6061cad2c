"""Search for the operation that produced the first non-finite number, by repeating the diverged epoch step by step."""

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
    """Repeat an epoch iteration by iteration, and the first non-finite iteration operation by operation.

    A compiled iteration has the same bits alone as within an epoch. Single operations may round differently, since XLA
    no longer fuses them.

    Args:
        state: state before the epoch; it is not donated.
        images: uint8 (n, 784), on the state's device.
        hparams: the run's hyperparameters.
        discriminator_steps: number in this epoch.

    Returns:
        Lines to print: the iteration, the operation, and its traceback within the package, outermost call first.
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
        return [f"iteration {number} is not finite when compiled, but is finite when run operation by operation"]
    return ["the epoch is finite when repeated iteration by iteration"]


def _finite(tree: object) -> bool:
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return all(bool(jnp.isfinite(leaf).all()) for leaf in floats)


def _calls(trace: TracebackType | None) -> list[str]:
    """Format the lines of a traceback that are in this package, except those of this file."""
    own = [
        frame
        for frame in traceback.extract_tb(trace)
        if Path(frame.filename).is_relative_to(PACKAGE) and frame.filename != __file__
    ]
    return [f"  {Path(frame.filename).relative_to(PACKAGE.parent)}:{frame.lineno}: {frame.line}" for frame in own]
