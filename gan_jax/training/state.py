"""State of a run between two iterations, and its initialization."""

from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gan_jax.config import Hyperparameters
from gan_jax.models import spectral_norm
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE
from gan_jax.training.apply_fns import networks
from gan_jax.training.optimizers import optimizers
from gan_jax.training.prng import Stream, stream_key
from gan_jax.types import Params


class GanState(NamedTuple):
    """Training state, complete for resuming. Its field names are part of the lowered program's text."""

    generator: Params
    discriminator: Params
    generator_optimizer: optax.OptState  # Adam's moments, float32, with the parameters' shapes
    discriminator_optimizer: optax.OptState
    epoch: Array  # int32 (), epochs completed
    iteration: Array  # int32 (), iterations completed since the start
    key: Array  # typed key (), the root of the key tree; never changes
    # Exponential moving average of G's parameters, if configured. It starts at the initial G, without bias correction:
    # with a decay of 0.999 the initial G keeps some weight for thousands of iterations.
    average: Params | None = None

    @property
    def sampling_params(self) -> Params:
        """Parameters of the G that draws samples: the moving average, if there is one."""
        return self.generator if self.average is None else self.average


@partial(jax.jit, static_argnames=("hparams",))
def init_state(key: Array, hparams: Hyperparameters) -> GanState:
    """Initialize the state before the first iteration.

    Args:
        key: typed key (), the root of the run's key tree: `jax.random.key(seed)`.
        hparams: the run's hyperparameters.
    """
    generator, discriminator = networks(hparams)
    generator_optimizer, discriminator_optimizer = optimizers(hparams)
    generator_key, discriminator_key = jax.random.split(stream_key(key, Stream.INITIAL_WEIGHTS))
    generator_params = cast(Params, generator.init(generator_key, jnp.zeros((1, LATENT_SIZE))))
    discriminator_params = cast(
        Params,
        discriminator.init(discriminator_key, jnp.zeros((1, hparams.pack_size * hparams.stacked_digits * IMAGE_SIZE))),
    )
    if hparams.spectral_norm:
        discriminator_params = spectral_norm.init_power_iteration(discriminator_params)
    return GanState(
        generator=generator_params,
        discriminator=discriminator_params,
        generator_optimizer=generator_optimizer.init(generator_params),
        discriminator_optimizer=discriminator_optimizer.init(discriminator_params),
        epoch=jnp.int32(0),
        iteration=jnp.int32(0),
        key=key,
        average=jax.tree.map(jnp.copy, generator_params) if hparams.ema_decay else None,
    )


def update_ema(state: GanState, decay: float) -> GanState:
    """Update the moving average, if there is one, to decay * average + (1 - decay) * G."""
    if state.average is None:
        return state
    average = jax.tree.map(lambda mean, new: decay * mean + (1 - decay) * new, state.average, state.generator)
    return state._replace(average=average)
