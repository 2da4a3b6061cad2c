"""Conversion between bytes and float32 in [-1, 1], the range of all images in this package."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def to_unit_range(pixels: ArrayLike) -> jax.Array:
    """Convert uint8 of any shape to float32 in [-1, 1], rounded like torchvision's ToTensor and Normalize(0.5, 0.5)."""
    return (jnp.asarray(pixels, jnp.float32) / 255 - 0.5) / 0.5


def require_unit_range(images: jax.Array, what: str) -> None:
    """Raise ValueError unless all values are in [-1, 1], and warn if all are in [0, 1]; `what` names the images."""
    if not jnp.all(jnp.abs(images) <= 1.0):  # also False for NaN, which XLA's maximum may skip
        raise ValueError(f"{what} hold values outside [-1, 1]")
    if jnp.all(images >= 0.0):  # another common range
        warnings.warn(f"{what} have no value below 0: the range is [-1, 1], where -1 is black", stacklevel=3)


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Convert float32 of any shape in [-1, 1] to the nearest uint8; the inverse of `to_unit_range`."""
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
