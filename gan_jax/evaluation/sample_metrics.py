"""Metrics of a run's samples by column: an evaluation against real digits, or mode coverage for stacked digits."""

from collections.abc import Mapping

import jax

from gan_jax.evaluation import DiscriminatorFns, Reference, columns, count_modes, evaluate, mode_coverage
from gan_jax.evaluation.own_metrics import SampleFunction


def sample_count(reference: Reference, channels: int) -> int:
    """Return the number of samples to evaluate."""
    return mode_coverage.SAMPLES if channels > 1 else reference.samples


def compute_sample_metrics(
    samples: jax.Array,
    reference: Reference,
    channels: int,
    discriminator: DiscriminatorFns | None = None,
    own: Mapping[str, SampleFunction] | None = None,
) -> dict[str, float]:
    """Evaluate samples float32 (n, channels * 784) in [-1, 1]; without a classifier its metrics are absent.

    With a discriminator it is measured digit by digit, too, if the images have one channel; so are
    the user's own metrics.
    """
    if channels == 1:
        return columns(evaluate(samples, reference, discriminator, own))
    known = reference.feature_reference
    if known is None:
        return {}
    found = count_modes(known.classifier, known.digits, samples)
    return {name: float(value) for name, value in found._asdict().items()}
