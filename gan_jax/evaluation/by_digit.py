"""D and G digit by digit: D's answer, the share of G's gradient, and how much the images of a digit vary.

They test explanations of why G draws one digit more and more: D may reject that digit less, its images may be more
alike, or it may get more of G's gradient.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

DIGITS = 10


class DiscriminatorFns(NamedTuple):
    """A run's D, without dropout, as functions of images float32 (n, 784) in [-1, 1]."""

    discriminate: Callable[[jax.Array], jax.Array]  # images -> D(x), float32 (n,) in [0, 1]
    # Samples and as many real images -> float32 (n,), the norm of the gradient of G's loss in each sample's pixels.
    sample_gradient_norms: Callable[[jax.Array, jax.Array], jax.Array]


def measure_by_digit(
    samples: jax.Array,
    sample_digits: np.ndarray,
    real: jax.Array,
    real_digits: np.ndarray,
    functions: DiscriminatorFns,
) -> dict[str, float]:
    """Measure D and G digit by digit; a digit without images has no value.

    Args:
        samples: float32 (n, 784) in [-1, 1].
        sample_digits: int (n,), their predicted classes.
        real: float32 (m, 784), test images.
        real_digits: int (m,), their predicted classes.
        functions: D's.

    Returns:
        By column, each with the digit 0 to 9 at its end:
        digit_real_probability, digit_fake_probability: the mean of D(x) and of D(G(z)), in [0, 1].
        digit_gradient_share: the digit's share of the norms of the gradient of G's loss in each sample's pixels.
        digit_real_spread, digit_spread: root mean square distance of the images to their mean image, over 784 pixels in
        [-1, 1]; 0 if all are the same.
    """
    paired = real[np.arange(len(samples)) % len(real)]
    norms = np.asarray(functions.sample_gradient_norms(samples, paired), np.float64)
    columns = {
        "digit_real_probability": _means(np.asarray(functions.discriminate(real)), real_digits),
        "digit_fake_probability": _means(np.asarray(functions.discriminate(samples)), sample_digits),
        "digit_gradient_share": _shares(norms, sample_digits),
        "digit_real_spread": _spreads(np.asarray(real), real_digits),
        "digit_spread": _spreads(np.asarray(samples), sample_digits),
    }
    return {f"{name}_{digit}": value for name, values in columns.items() for digit, value in values.items()}


def _means(values: np.ndarray, digits: np.ndarray) -> dict[int, float]:
    return {
        digit: float(values[digits == digit].mean(dtype=np.float64))
        for digit in range(DIGITS)
        if np.any(digits == digit)
    }


def _shares(norms: np.ndarray, digits: np.ndarray) -> dict[int, float]:
    """Compute each digit's share of the sum; none if all are zero."""
    total = norms.sum()
    if not total > 0:
        return {}
    return {digit: float(norms[digits == digit].sum() / total) for digit in range(DIGITS)}


def _spreads(images: np.ndarray, digits: np.ndarray) -> dict[int, float]:
    spreads = {}
    for digit in range(DIGITS):
        chosen = images[digits == digit].astype(np.float64)
        if len(chosen):
            spreads[digit] = float(np.sqrt(((chosen - chosen.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return spreads
