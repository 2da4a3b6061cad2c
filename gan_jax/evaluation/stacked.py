"""Stacked MNIST: how many of the numbers that its channels make up are generated, and how evenly.

Three digits as the channels of one image make 1000 modes (Metz et al. 2017, arXiv:1611.02163, section 3.3.1). As there
and in PacGAN (Lin et al. 2018, arXiv:1712.04086) a classifier reads each channel of some 26 000 samples; a mode counts
that appears at all.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.evaluation.classifier import classify
from gan_jax.evaluation.digits import kl_to_uniform
from gan_jax.evaluation.evaluate import FeatureReference
from gan_jax.models import IMAGE_SIZE

SAMPLES = 25_600


class Modes(NamedTuple):
    """What was found in n samples."""

    n: int
    modes: int  # of 10 to the number of channels
    modes_kl: float  # KL(their shares || uniform) in nats
    modes_kl_floor: float  # the same of n numbers of real digits


def modes_of(reference: FeatureReference, images: jax.Array) -> Modes:
    """Count the modes of images by the reference's classifier, and of as many numbers of real digits.

    Args:
        reference: of single digits, `make_reference(...).of_features`; real numbers are drawn from its digits.
        images: float32 (n, channels 784) in [-1, 1], one digit after the other.
    """
    n, channels = len(images), images.shape[1] // IMAGE_SIZE
    digits = np.stack(
        [
            np.argmax(classify(reference.classifier, channel)[1], axis=1)
            for channel in jnp.split(jnp.asarray(images), channels, axis=1)
        ]
    )
    real = np.random.default_rng(0).choice(reference.digits, (channels, n))  # always the same
    shares = _shares(digits)
    return Modes(n, int((shares > 0).sum()), kl_to_uniform(shares), kl_to_uniform(_shares(real)))


def _shares(digits: np.ndarray) -> np.ndarray:
    """Of digits int (channels, n) the share of each number that they can make up, float64 (10^channels,)."""
    numbers = np.ravel_multi_index(tuple(digits), (10,) * len(digits))
    return np.bincount(np.atleast_1d(numbers), minlength=10 ** len(digits)) / digits.shape[1]
