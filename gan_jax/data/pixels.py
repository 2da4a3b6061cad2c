"""The one convention for images, float32 in [-1, 1]: bytes become that, and that becomes bytes, here alone."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def to_unit_range(pixels: ArrayLike) -> jax.Array:
    """uint8 of any shape -> float32 in [-1, 1], rounded as the notebook's ToTensor and Normalize(0.5, 0.5) round."""
    return (jnp.asarray(pixels, jnp.float32) / 255 - 0.5) / 0.5


def require_unit_range(images: jax.Array, what: str) -> None:
    """Raise ValueError unless all values, of any shape, are in [-1, 1], and warn of [0, 1]; `what` names the images."""
    if not jnp.all(jnp.abs(images) <= 1.0):  # XLA's maximum passes over what is not a number, this does not
        raise ValueError(f"{what} hold values outside [-1, 1]")
    if jnp.all(images >= 0.0):  # a range that others take
        warnings.warn(f"{what} have no value below 0: they are to be in [-1, 1], where -1 is black", stacklevel=3)


def to_bytes(images: np.ndarray) -> np.ndarray:
    """float32 of any shape in [-1, 1] -> uint8, rounded to the nearest; the inverse of `to_unit_range`."""
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
