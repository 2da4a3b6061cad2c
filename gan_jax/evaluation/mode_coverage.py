"""Mode coverage on Stacked MNIST: the number of digit tuples that are generated, and how uniformly.

Three digits as the channels of one image make 1000 modes (Metz et al. 2017, arXiv:1611.02163, section 3.3.1). As there
and in PacGAN (Lin et al. 2018, arXiv:1712.04086), a classifier predicts the digit in each channel of about 26 000
samples, and a mode is covered if it appears at least once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.config import MAX_DIGITS
from gan_jax.data.pixels import require_unit_range
from gan_jax.errors import UserError
from gan_jax.evaluation.class_histogram import kl_to_uniform
from gan_jax.evaluation.classifier import classify
from gan_jax.models.mlp import IMAGE_SIZE
from gan_jax.types import Params

SAMPLES = 25_600
SIZES = tuple(channels * IMAGE_SIZE for channels in range(1, MAX_DIGITS + 1))


class Modes(NamedTuple):
    """Coverage of modes by n samples."""

    n: int
    modes: int  # modes covered, of 10 to the number of channels
    modes_kl: float  # KL(shares of the modes || uniform) in nats
    modes_kl_floor: float  # the same for n random tuples of real digits
    # KL(class histogram || uniform) of each channel, summed; the rest of modes_kl is total correlation, and chance.
    digits_kl: float


def validate_stacked(images: jax.Array) -> None:
    """Raise UserError unless `count_modes` can count the modes of these images."""
    shape = jnp.shape(images)
    if len(shape) != 2 or not shape[0] or shape[1] not in SIZES:
        raise UserError(
            f"images have the shape {shape}, not (n, d) with n at least 1 and d 784 times 1 to {MAX_DIGITS}"
        )
    require_unit_range(images, "images")


def count_modes(classifier: Params, real_digits: np.ndarray, images: jax.Array) -> Modes:
    """Count the modes of images with a classifier of single digits; real digits in random tuples give the floor.

    Args:
        classifier: `load_classifier()`.
        real_digits: int (m,), predicted classes of real images, from which tuples are drawn.
        images: float32 (n, channels * 784) in [-1, 1], n >= 1, with 1 to 4 channels, one after the other.

    Raises:
        UserError: for images of another shape or range.
    """
    validate_stacked(images)
    n, channels = len(images), images.shape[1] // IMAGE_SIZE
    channelwise = jnp.split(jnp.asarray(images), channels, axis=1)
    digits = np.stack([np.argmax(classify(classifier, channel)[1], axis=1) for channel in channelwise])
    real = np.random.default_rng(0).choice(real_digits, (channels, n))  # the same in every call
    shares = _shares(digits)
    return Modes(
        n=n,
        modes=int((shares > 0).sum()),
        modes_kl=kl_to_uniform(shares),
        modes_kl_floor=kl_to_uniform(_shares(real)),
        digits_kl=sum(kl_to_uniform(_shares(digit[None])) for digit in digits),
    )


def _shares(digits: np.ndarray) -> np.ndarray:
    """Compute the share of each digit tuple among the columns of int (channels, n): float64 (10^channels,)."""
    modes = np.ravel_multi_index(tuple(digits), (10,) * len(digits))
    return np.bincount(np.atleast_1d(modes), minlength=10 ** len(digits)) / digits.shape[1]
