"""Metrics of a run's samples: closeness to real digits, or for several digits an image the modes that they cover."""

from typing import NamedTuple

import jax

from gan_jax.evaluation import Reference, columns, count_modes, evaluate, mode_coverage, summary


class SampleMetrics(NamedTuple):
    """Numbers by column, lines that tell them, and the shares of the ten digits, if known."""

    columns: dict[str, float]
    lines: list[str]
    digit_histogram: tuple[float, ...] | None


def sample_count(reference: Reference, channels: int) -> int:
    """Return the number of samples to measure."""
    return mode_coverage.SAMPLES if channels > 1 else reference.samples


def compute_sample_metrics(samples: jax.Array, reference: Reference, channels: int) -> SampleMetrics:
    """Measure samples float32 (n, channels 784) in [-1, 1]."""
    if channels == 1:
        evaluation = evaluate(samples, reference)
        return SampleMetrics(columns(evaluation), summary(evaluation), evaluation.digit_histogram)
    known = reference.feature_reference
    if known is None:
        return SampleMetrics({}, ["no classifier fits this data: modes are not counted"], None)
    found = count_modes(known.classifier, known.digits, samples)
    kl = f"KL to uniform {found.modes_kl:.3f} (real numbers {found.modes_kl_floor:.3f})"
    modes = "1 mode" if found.modes == 1 else f"{found.modes} modes"
    line = f"{modes} in {found.n} samples, {kl}, {found.digits_kl:.3f} of it by the digits one by one"
    return SampleMetrics({name: float(value) for name, value in found._asdict().items()}, [line], None)
