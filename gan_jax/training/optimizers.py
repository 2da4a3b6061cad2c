"""The optimizers of G and D, and how their learning rates fall."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gan_jax.config import Hyperparameters


def optimizers(hparams: Hyperparameters) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """G's and D's Adam (Kingma and Ba 2015) with torch's place and size of epsilon."""

    def adam(learning_rate: float, b1: float, b2: float) -> optax.GradientTransformation:
        return optax.adam(learning_rate, b1, b2, eps=1e-8)

    return adam(*hparams.generator_adam), adam(hparams.learning_rate, hparams.adam_b1, hparams.adam_b2)


def scale_by_cosine_decay(updates: optax.Updates, epoch: Array, hparams: Hyperparameters) -> optax.Updates:
    """The updates at an epoch's learning rate, which falls in half a cosine (Loshchilov and Hutter 2017, eq. 5)."""
    if not hparams.cosine_decay_epochs:
        return updates
    share = jnp.minimum(epoch / hparams.cosine_decay_epochs, 1)
    factor = (1 + jnp.cos(jnp.pi * share)) / 2
    return jax.tree.map(lambda update: factor * update, updates)
