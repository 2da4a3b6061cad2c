"""Explanation of why one digit takes over, from what was measured of D and G digit by digit."""

from typing import NamedTuple

import numpy as np

from gan_jax.analysis.charts import Chart, Line, numbers
from gan_jax.analysis.judgement import LOOK_REAL, sample_states
from gan_jax.analysis.metrics import DIGITS, Metrics, by_digit, digit_shares

FREQUENT = 0.25  # share from which on a digit is far more frequent than the even share of a tenth
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
    """Measurements of one digit against the others after an epoch, while G still drew several."""

    digit: int
    epoch: int
    share: float
    gradient_share: float
    fake: float  # mean D(G(z)) for the digit's samples
    fake_others: float  # for all other samples
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
    """Collect the facts at the first epoch after which G drew several digits, this one among them."""
    shares, fakes = digit_shares(metrics), by_digit(metrics, "digit_fake_probability")
    states = sample_states(metrics)
    for place, state in enumerate(states):
        drawn = np.isfinite(fakes[place])
        if state not in LOOK_REAL[1:] or not drawn[digit] or drawn.sum() < 2:
            continue
        others = drawn & (np.arange(DIGITS) != digit)
        answers = by_digit(metrics, "digit_real_probability")
        reals, last = answers[place], np.flatnonzero(np.isfinite(answers).all(axis=1))[-1]
        return Facts(
            digit=digit,
            epoch=int(metrics["epoch"][place]),
            share=float(shares[place, digit]),
            gradient_share=float(by_digit(metrics, "digit_gradient_share")[place, digit]),
            fake=float(fakes[place, digit]),
            fake_others=float(np.average(fakes[place, others], weights=shares[place, others])),
            real=float(reals[digit]),
            real_others=float(np.delete(reals, digit).mean()),
            last=int(metrics["epoch"][last]),
            last_real=float(answers[last, digit]),
            last_real_others=float(np.delete(answers[last], digit).mean()),
            spreads=by_digit(metrics, "digit_real_spread")[place],
        )
    return None


def explain(found: Facts) -> list[str]:
    """Explain in plain words why the digit takes over; each sentence has the numbers that it rests on."""
    digit, ratio = found.digit, found.fake / found.fake_others
    if ratio > ALIKE:
        rejected = f"D rejected generated {digit}s least"
    elif ratio < 1 / ALIKE:
        rejected = f"D did not reject generated {digit}s less than others"
    else:
        rejected = "D rejected all digits about equally"
    lines = [
        f"Why so many {digit}s? At epoch {found.epoch}, while G still drew several digits, {rejected}: D(G(z)) was "
        f"{found.fake:.2g} for them and {found.fake_others:.2g} for the others."
    ]
    others = np.delete(found.spreads, digit)
    if found.spreads[digit] < others.min():
        lines.append(
            f"Real {digit}s are the most alike of all digits: they differ from their mean image by "
            f"{found.spreads[digit]:.1f}, the others by {others.min():.1f} to {others.max():.1f} (root mean square "
            "distance). Few shapes suffice to draw them, so that a G that draws few shapes is best at them."
        )
    learned = f"D's answer for real {digit}s was {found.real:.3g}, for the other digits {found.real_others:.3g}"
    if found.real > found.real_others:
        lines.append(f"{learned}: D also believed in real {digit}s more than in others.")
    else:
        lines.append(f"It is not that D learned only {digit}s to be real: {learned}.")
    if found.last > found.epoch and found.last_real < min(found.real, found.last_real_others):
        lines.append(
            f"At epoch {found.last} it is {found.last_real:.2g} against {found.last_real_others:.2g}: the more "
            f"{digit}s G draws, the more D suspects real {digit}s, too."
        )
    share = found.gradient_share / found.share
    pushed = "about as much of" if 1 / ALIKE < share < ALIKE else "more of" if share > 1 else "less of"
    lines.append(
        f"Nor does a single digit steer G: {100 * found.share:.0f} % of the samples were {digit}s, and they had "
        f"{100 * found.gradient_share:.0f} % of the gradient, {pushed} it as their number."
        if pushed.startswith("about")
        else f"{100 * found.share:.0f} % of the samples were {digit}s, and they had {100 * found.gradient_share:.0f} % "
        f"of the gradient: {pushed} it than their number."
    )
    return lines


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
