"""Narrow networks for gan_jax's steps, which compile in a second; the width is a field of the modules."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp

from gan_jax.config import Hyperparameters
from gan_jax.inference import pretrained
from gan_jax.models.mlp import IMAGE_SIZE, Discriminator, Generator
from gan_jax.training import apply_fns, state
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_step import discriminator_step, generator_step, unjitted_train_step

SIZES = (32, 32)  # of the hidden layers of both networks

# Little optimization: these programs run for a second and take longer to compile.
fast_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
jitted_discriminator_step = fast_jit(discriminator_step, static_argnames="hparams")
jitted_generator_step = fast_jit(generator_step, static_argnames="hparams")
jitted_iterate = fast_jit(unjitted_train_step, static_argnames=("hparams", "discriminator_steps"))


def networks(hparams: Hyperparameters) -> tuple[Generator, Discriminator]:
    """Return narrow networks, in the place of `apply_fns.networks`."""
    return (
        Generator(hparams.precision, SIZES, hparams.stacked_digits * IMAGE_SIZE),
        Discriminator(hparams.precision, SIZES, hparams.dropout_rate, hparams.minibatch_stddev),
    )


def narrow_networks(monkeypatch) -> None:
    for module in (apply_fns, state, pretrained):
        monkeypatch.setattr(module, "networks", networks)


def narrow_state(hparams: Hyperparameters, seed: int = 0) -> GanState:
    """Return the state before the first iteration, in float64 within `jax.enable_x64`."""
    # Not the jitted function: its cache is keyed by the arguments, which do not include the width.
    state = inspect.unwrap(init_state)(jax.random.key(seed), hparams)
    dtype = jnp.zeros(()).dtype
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, state)
