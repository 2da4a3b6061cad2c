"""Warnings of collapse, each of which names the figure that it rests on."""

from collections.abc import Sequence

from gan_jax.evaluation.class_histogram import COVERED_SHARE

DOMINANT_SHARE = 0.5
# The saturating loss's slope in the logit is -D(G(z)): here it has fallen to 1/500 of its size at D = 1/2.
DEAD_SCORE = 1e-3


def collapse_warnings(histogram: Sequence[float] | None, fake_score: float | None) -> list[str]:
    """One line for each sign of collapse; none if there is none.

    `histogram` is the share of each class among the samples, or None where no classifier fits the data; `fake_score` is
    the mean of D(G(z)), in [0, 1], which also warns if it is not a number, or None where D's logits are known but for a
    constant.
    """
    of_score = [] if fake_score is None else _score_warnings(fake_score)
    return [*_class_warnings(() if histogram is None else histogram), *of_score]


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
    if fake_score >= DEAD_SCORE:  # not so where it is not a number
        return []
    return [f"D(G(z)) has died: its mean is {fake_score:.1e}, not {DEAD_SCORE:.0e} or more"]
