"""Explanation of why one digit takes over, from what was measured of D and G digit by digit."""

from typing import NamedTuple

import numpy as np

from gan_jax.analysis.charts import Chart, Line, numbers
from gan_jax.analysis.judgement import LOOK_REAL, sample_states
from gan_jax.analysis.metrics import DIGITS, Metrics, by_digit, digit_shares

FREQUENT = 0.4  # share from which on a digit takes over; at 100 epochs one more part_a would have up to 0.26 of ones
COMMON = 0.01  # share from which on a digit counts as drawn
ALIKE = 1.25  # ratios below it, and above its inverse, are called about equal: 10 000 samples, but one run
ABOUT = (
    "The bold line of the other digits is their mean, and each thin line is one of them. The classifier says which "
    "digit a generated image shows."
)
CHARTED = {
    "digit_fake_probability": ("D's answer for generated images, by digit", True),
    "digit_real_probability": ("D's answer for real images, by digit", False),
    "digit_share": ("Share of the samples, by digit", False),
    "digit_gradient_share": ("Share of the gradient that reaches G, by digit", False),
}


class Facts(NamedTuple):
    """Measurements of one digit against the others after an epoch at which G drew several; D is without dropout."""

    digit: int
    epoch: int
    share: float
    gradient_share: float
    fake: float  # mean D(G(z)) for the digit's samples
    fake_others: float  # for all other samples
    fake_next: float  # the largest for another digit that makes up 1 % or more
    next_digit: int  # this other digit
    real: float  # mean D(x) for real images of the digit
    real_others: float  # the mean of the other digits'
    last: int  # the last epoch at which D was measured
    last_real: float  # mean D(x) for real images of the digit then
    last_real_others: float
    spreads: np.ndarray  # float64 (10,), of real images


def measured(metrics: Metrics) -> bool:
    """Return whether D was measured digit by digit after two epochs or more."""
    return int(np.isfinite(by_digit(metrics, "digit_real_probability")).all(axis=1).sum()) > 1


def frequent_digit(metrics: Metrics) -> int | None:
    """Return the digit that takes over: far the most frequent at the end, among samples that look real."""
    shares = digit_shares(metrics)[-1]
    if sample_states(metrics)[-1] not in LOOK_REAL or shares.max() < FREQUENT:
        return None
    return int(np.argmax(shares))


def facts(metrics: Metrics, digit: int) -> Facts | None:
    """Collect the facts at the last epoch at which G drew several digits, before this one dominated.

    None if there is no such epoch, or something was not measured at it.
    """
    shares, fakes = digit_shares(metrics), by_digit(metrics, "digit_fake_probability")
    answers = by_digit(metrics, "digit_real_probability")
    places = []
    for place, state in enumerate(sample_states(metrics)):
        if state == "one class" and np.argmax(shares[place]) == digit:
            break
        if state in LOOK_REAL[1:] and np.isfinite(fakes[place, digit]):
            places.append(place)
    if not places:
        return None
    place, last = places[-1], np.flatnonzero(np.isfinite(answers).all(axis=1))[-1]
    others = np.isfinite(fakes[place]) & (np.arange(DIGITS) != digit)
    common = others & (shares[place] >= COMMON)
    gradient_share = float(by_digit(metrics, "digit_gradient_share")[place, digit])
    if not common.any() or not np.isfinite([*answers[place], gradient_share]).all():
        return None
    return Facts(
        digit=digit,
        epoch=int(metrics["epoch"][place]),
        share=float(shares[place, digit]),
        gradient_share=gradient_share,
        fake=float(fakes[place, digit]),
        fake_others=float(np.average(fakes[place, others], weights=shares[place, others])),
        fake_next=float(fakes[place, common].max()),
        next_digit=int(np.flatnonzero(common)[np.argmax(fakes[place, common])]),
        real=float(answers[place, digit]),
        real_others=float(np.delete(answers[place], digit).mean()),
        last=int(metrics["epoch"][last]),
        last_real=float(answers[last, digit]),
        last_real_others=float(np.delete(answers[last], digit).mean()),
        spreads=by_digit(metrics, "digit_real_spread")[place],
    )


def explain(found: Facts) -> list[str]:
    """Explain in plain words why the digit takes over; each sentence has the numbers that it rests on."""
    digit = found.digit
    lines = [
        f"Why so many {digit}s? At epoch {found.epoch}, when G drew several digits, {_rejection(found)}: D's mean "
        f"answer, without dropout, was {found.fake:.2g} for {digit}s and {found.fake_others:.2g} for the others (at "
        f"most {found.fake_next:.2g}, for {found.next_digit}s)."
    ]
    others = np.delete(found.spreads, digit)
    if found.spreads[digit] < others.min():
        lines.append(
            f"Real {digit}s are the most alike of all digits, so they are probably the easiest to draw: they differ "
            f"from their mean image by {found.spreads[digit]:.1f}, the others by {others.min():.1f} to "
            f"{others.max():.1f} (root mean square distance)."
        )
    learned = f"D's answer for real {digit}s was {found.real:.3g}, for the other digits {found.real_others:.3g}"
    if found.real > ALIKE * found.real_others:
        lines.append(f"{learned}: D also believed in real {digit}s more than in others.")
    else:
        lines.append(f"It is not that D learned only {digit}s to be real: {learned}.")
    if found.last > found.epoch and found.last_real * ALIKE < min(found.real, found.last_real_others):
        lines.append(
            f"At epoch {found.last} it is {found.last_real:.2g} against {found.last_real_others:.2g}: D has learned to "
            f"suspect {digit}s, real ones too."
        )
    lines.append(
        f"At epoch {found.epoch} {100 * found.share:.0f} % of the samples were {digit}s; of the gradient's length in "
        f"the samples' pixels they had {100 * found.gradient_share:.0f} %."
    )
    return lines


def _rejection(found: Facts) -> str:
    """Say which digit D rejected least among the samples."""
    digit, other = found.digit, found.next_digit
    if found.fake > ALIKE * found.fake_next:
        return f"D rejected generated {digit}s least"
    if found.fake > ALIKE * found.fake_others and found.fake * ALIKE > found.fake_next:
        return f"D rejected generated {digit}s and {other}s least"
    if found.fake > ALIKE * found.fake_others:
        return f"D rejected generated {other}s least, and {digit}s less than the others on average"
    if found.fake * ALIKE < found.fake_others:
        return f"D did not reject generated {digit}s less than others"
    return f"D rejected generated {digit}s about as it did others"


def charts(metrics: Metrics, digit: int) -> list[Chart]:
    """Chart D's answers and the shares over the epochs, for one digit against the nine others."""
    found = []
    for name, (title, logarithmic) in CHARTED.items():
        values = by_digit(metrics, name)
        others = np.delete(values, digit, axis=1)
        drawn = np.isfinite(others)
        center = np.full(len(others), np.nan)
        some = drawn.any(axis=1)
        center[some] = np.nanmean(others[some], axis=1)
        found.append(
            Chart(
                title,
                metrics["epoch"].tolist(),
                [
                    Line(f"the digit {digit}", "run-1", numbers(values[:, digit], logarithmic), points=True),
                    Line(
                        "mean of the other digits",
                        "run-0",
                        numbers(center, logarithmic),
                        [numbers(column, logarithmic) for column in others.T],
                        points=True,
                    ),
                ],
                "share" if "share" in name else "mean answer",
                logarithmic=logarithmic,
                limits=None if logarithmic else (0, 1),
                about=ABOUT,
            )
        )
    return found
