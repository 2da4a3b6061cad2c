"""Warnings of mode collapse and of vanishing gradients, each with the number behind it."""

from collections.abc import Sequence

from gan_jax.evaluation.class_histogram import COVERED_SHARE

DOMINANT_SHARE = 0.5
# The saturating loss has the derivative -D(G(z)) with respect to the logit: here 1/500 of its size at D = 1/2.
DEAD_SCORE = 1e-3


def collapse_warnings(histogram: Sequence[float] | None, fake_score: float | None) -> list[str]:
    """Describe each sign of collapse in one line.

    Args:
        histogram: share of each class among the samples, or None if no classifier fits the data.
        fake_score: mean of D(G(z)), in [0, 1] or NaN, which also gives a warning; None for shift-invariant losses,
            where D(x) has no absolute meaning.
    """
    score_warnings = [] if fake_score is None else _score_warnings(fake_score)
    return [*_class_warnings(() if histogram is None else histogram), *score_warnings]


def _class_warnings(histogram: Sequence[float]) -> list[str]:
    classes = len(histogram)
    warnings = [
        f"one class dominates: {digit} makes up {share:.0%} of the samples; an even share is {1 / classes:.0%}"
        for digit, share in enumerate(histogram)
        if share >= DOMINANT_SHARE
    ]
    missing = [str(digit) for digit, share in enumerate(histogram) if share < COVERED_SHARE]
    if missing:
        covered = f"{classes - len(missing)} of {classes} make up {COVERED_SHARE:.0%} or more of the samples"
        warnings.append(f"classes have vanished: {covered}; missing: {', '.join(missing)}")
    return warnings


def _score_warnings(fake_score: float) -> list[str]:
    if fake_score >= DEAD_SCORE:  # False for NaN
        return []
    return [f"D(G(z)) has died: its mean is {fake_score:.1e}, below {DEAD_SCORE:.0e}"]
