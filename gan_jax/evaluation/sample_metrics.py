"""Metrics of a run's samples: an evaluation against real digits, or mode coverage for stacked digits."""

from typing import NamedTuple

import jax

from gan_jax.evaluation import Reference, columns, count_modes, evaluate, mode_coverage, summary


class SampleMetrics(NamedTuple):
    """Metrics by column of metrics.csv, the lines that report them, and the shares of the ten digits, if known."""

    columns: dict[str, float]
    lines: list[str]
    digit_histogram: tuple[float, ...] | None


def sample_count(reference: Reference, channels: int) -> int:
    """Return the number of samples to evaluate."""
    return mode_coverage.SAMPLES if channels > 1 else reference.samples


def compute_sample_metrics(samples: jax.Array, reference: Reference, channels: int) -> SampleMetrics:
    """Evaluate samples float32 (n, channels * 784) in [-1, 1]."""
    if channels == 1:
        evaluation = evaluate(samples, reference)
        return SampleMetrics(columns(evaluation), summary(evaluation), evaluation.digit_histogram)
    known = reference.feature_reference
    if known is None:
        return SampleMetrics({}, ["no classifier fits this data: modes are not counted"], None)
    found = count_modes(known.classifier, known.digits, samples)
    kl = f"KL to uniform {found.modes_kl:.3f} (real images {found.modes_kl_floor:.3f})"
    modes = "1 mode" if found.modes == 1 else f"{found.modes} modes"
    line = f"{modes} in {found.n} samples, {kl}, of which {found.digits_kl:.3f} from the shares of single digits"
    return SampleMetrics({name: float(value) for name, value in found._asdict().items()}, [line], None)
