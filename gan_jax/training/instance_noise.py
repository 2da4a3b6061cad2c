"""Instance noise: noise added to the real and generated images that D sees (Sønderby et al. 2017)."""

from collections.abc import Callable

import jax
from jax import Array

from gan_jax.config import Hyperparameters


def add_instance_noise(images: Array, key: Callable[[], Array], hparams: Hyperparameters) -> Array:
    """Add normal noise of standard deviation `instance_noise_std`.

    Args:
        images: float32 of any shape.
        key: makes a typed key (); not called without noise.
        hparams: static.
    """
    if not hparams.instance_noise_std:
        return images
    return images + hparams.instance_noise_std * jax.random.normal(key(), images.shape)
