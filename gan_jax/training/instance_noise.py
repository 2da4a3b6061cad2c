"""Instance noise: D sees real and generated images with noise of its own (Sonderby et al. 2017)."""

from collections.abc import Callable

import jax
from jax import Array

from gan_jax.config import Hyperparameters


def add_instance_noise(images: Array, key: Callable[[], Array], hparams: Hyperparameters) -> Array:
    """Add normal noise of standard deviation `instance_noise_std` to images, float32 of any shape."""
    if not hparams.instance_noise_std:
        return images
    return images + hparams.instance_noise_std * jax.random.normal(key(), images.shape)
