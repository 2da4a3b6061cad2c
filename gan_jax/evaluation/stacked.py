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
from gan_jax.models import IMAGE_SIZE
from gan_jax.weights import Parameters

SAMPLES = 25_600


class Modes(NamedTuple):
    """What was found in n samples."""

    n: int
    modes: int  # of 10 to the number of channels
    modes_kl: float  # KL(their shares || uniform) in nats


def modes_of(classifier: Parameters, images: jax.Array) -> Modes:
    """Count the modes of images float32 (n, channels 784) in [-1, 1]."""
    channels = images.shape[1] // IMAGE_SIZE
    digits = [
        np.argmax(classify(classifier, channel)[1], axis=1)
        for channel in jnp.split(jnp.asarray(images), channels, axis=1)
    ]
    numbers = np.ravel_multi_index(tuple(digits), (10,) * channels)
    shares = np.bincount(np.atleast_1d(numbers), minlength=10**channels) / len(images)
    return Modes(len(images), int((shares > 0).sum()), kl_to_uniform(shares))
