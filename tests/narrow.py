"""Narrow networks in gan_jax's steps, compiled in a second: the width is the modules' field, and not a setting's."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp

from gan_jax import generator, players
from gan_jax.config import Setting
from gan_jax.models import IMAGE_SIZE, Discriminator, Generator
from gan_jax.players import GanState, init_state
from gan_jax.training import discriminator_step, generator_step, iterate

SIZES = (32, 32)  # of the hidden layers of both

# Optimised little: these programs run for a second and take longer to compile.
fast_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
jitted_discriminator_step = fast_jit(discriminator_step, static_argnames="setting")
jitted_generator_step = fast_jit(generator_step, static_argnames="setting")
jitted_iterate = fast_jit(iterate, static_argnames=("setting", "discriminator_steps"))


def networks(setting: Setting) -> tuple[Generator, Discriminator]:
    """What to put in the place of `players.networks`."""
    return (
        Generator(setting.precision, SIZES, setting.channels * IMAGE_SIZE),
        Discriminator(setting.precision, SIZES, setting.dropout_rate, setting.minibatch_deviation),
    )


def narrow_networks(monkeypatch) -> None:
    for module in (players, generator):
        monkeypatch.setattr(module, "networks", networks)


def initial(setting: Setting, seed: int = 0) -> GanState:
    """The state before the first iteration; in float64 within `jax.enable_x64`."""
    # Not as it is compiled, which is found by its arguments: they do not tell the width.
    state = inspect.unwrap(init_state)(jax.random.key(seed), setting)
    dtype = jnp.zeros(()).dtype
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, state)
