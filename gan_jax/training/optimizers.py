"""Optimizers of G and D, and the decay of their learning rates."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gan_jax.config import Hyperparameters


def optimizers(hparams: Hyperparameters) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Make G's and D's Adam (Kingma and Ba 2015), with epsilon as in torch: 1e-8, added outside the root."""

    def adam(learning_rate: float, b1: float, b2: float) -> optax.GradientTransformation:
        return optax.adam(learning_rate, b1, b2, eps=1e-8)

    return adam(*hparams.generator_adam), adam(hparams.learning_rate, hparams.adam_b1, hparams.adam_b2)


def scale_by_cosine_decay(updates: optax.Updates, epoch: Array, hparams: Hyperparameters) -> optax.Updates:
    """Scale updates by the cosine decay of the learning rate (Loshchilov and Hutter 2017, equation 5).

    Args:
        updates: updates at the full learning rate.
        epoch: int32 (), epochs completed.
        hparams: static; with `cosine_decay_epochs` 0 the updates are unchanged.
    """
    if not hparams.cosine_decay_epochs:
        return updates
    progress = jnp.minimum(epoch / hparams.cosine_decay_epochs, 1)
    factor = (1 + jnp.cos(jnp.pi * progress)) / 2
    return jax.tree.map(lambda update: factor * update, updates)
