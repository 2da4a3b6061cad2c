"""The one convention for images: float32 (n, 784) in [-1, 1]; uint8 pixels are converted here and nowhere else."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def to_unit_range(pixels: ArrayLike) -> jax.Array:
    """uint8 (..., 784) in 0..255 to float32 (..., 784) in [-1, 1]: pixel / 127.5 - 1, rounded as training rounds it."""
    return (jnp.asarray(pixels, jnp.float32) / 255 - 0.5) / 0.5
