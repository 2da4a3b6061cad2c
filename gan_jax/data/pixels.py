"""Conversion between bytes and float32 in [-1, 1], the range of all images in this package."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from gan_jax.errors import UserError, require


def to_unit_range(pixels: ArrayLike) -> jax.Array:
    """Convert uint8 of any shape to float32 in [-1, 1], rounded like torchvision's ToTensor and Normalize(0.5, 0.5)."""
    return (jnp.asarray(pixels, jnp.float32) / 255 - 0.5) / 0.5


def as_images(images: ArrayLike, what: str) -> jax.Array:
    """Convert what a user gives as images, named by `what`. Raises UserError unless it is an array of numbers."""
    wanted = f"{what} must be an array of numbers, float32 (n, 784) in [-1, 1]"
    try:
        array = images if isinstance(images, jax.Array) else np.asarray(images)
    except ValueError as error:  # rows of different lengths
        raise UserError(f"{wanted}: {error}") from error
    kinds = (jnp.floating, jnp.integer, jnp.bool_)
    require(any(jnp.issubdtype(array.dtype, kind) for kind in kinds), f"{wanted}, not {type(images).__name__}")
    return jnp.asarray(array)


def require_unit_range(images: jax.Array, what: str) -> None:
    """Raise UserError unless all values are in [-1, 1], and warn if all are in [0, 1]; `what` names the images."""
    wrong = int(jnp.isnan(images).any(axis=-1).sum())
    require(not wrong, f"{what} hold NaN, in {wrong} of {len(images)} images: whatever made them failed there")
    if not jnp.all(jnp.abs(images) <= 1.0):
        found = f"{what} hold values outside [-1, 1], from {float(images.min()):g} to {float(images.max()):g}"
        raise UserError(f"{found}; bytes are converted by {what} / 127.5 - 1")
    if jnp.all(images >= 0.0):  # another common range
        warnings.warn(f"{what} have no value below 0: the range is [-1, 1], where -1 is black", stacklevel=3)


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Convert float32 of any shape in [-1, 1] to the nearest uint8; the inverse of `to_unit_range`."""
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
