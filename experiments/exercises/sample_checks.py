"""Checks of densities and of measurements of samples: exercises 5 and 8."""

from collections.abc import Callable

import numpy as np

from experiments.exercises.verdicts import WrongAnswerError, as_numbers, exercise, require_equal

P, Q = np.array([0.4, 0.3, 0.1]), np.array([0.1, 0.3, 0.6])
GIVEN = f"p = {P.tolist()} and q = {Q.tolist()}"
DIGITS = np.array([1, 1, 7, 0, 1, 9, 7, 1])  # no digit 8, and none of six others


@exercise(5)
def optimal_discriminator(optimal_discriminator: Callable) -> str:
    """Check the optimal D of two densities, without smoothing and with one- and two-sided smoothing."""
    for a, b, kind in ((1.0, 0.0, "no smoothing"), (0.9, 0.2, "two-sided"), (0.9, 0.0, "one-sided")):
        right = (a * P + b * Q) / (P + Q)
        require_equal(
            "optimal_discriminator", f"{GIVEN}, real_target = {a} and fake_target = {b} ({kind})",
            optimal_discriminator(P, Q, a, b), right,
            {
                "p and q are swapped: D* is the probability that an image is real, so p is above the line.":
                    (a * Q + b * P) / (P + Q),
                "this is p / q, which is no probability: it can exceed 1. Divide by p + q.": (a * P + b * Q) / Q,
                "the targets are not used: set the derivative of D's loss with smoothed targets to 0 again.":
                    P / (P + Q),
                "real_target is not used.": (P + b * Q) / (P + Q),
                "fake_target is not used: with two-sided smoothing q is above the line, too.": a * P / (P + Q),
                "the targets are swapped.": (b * P + a * Q) / (P + Q),
                "fake_target must be multiplied by q: D* is a mean of the two targets, weighted by p and q.":
                    (a * P + b) / (P + Q),
            },
        )  # fmt: skip
    return "right, with and without smoothing."


@exercise(8)
def class_histogram(class_shares: Callable, kl_to_uniform: Callable) -> str:
    """Check the shares of ten classes, and their divergence from equal shares in nats."""
    counts = np.bincount(DIGITS, minlength=10)
    found = class_shares(DIGITS)
    require_equal(
        "class_shares", f"digits = {DIGITS.tolist()}", found, counts / len(DIGITS),
        {
            "these are counts. Divide by the number of digits, so that the shares sum to 1.": counts,
            "digits that do not occur have lost their places: there must be ten shares. "
            "np.bincount(digits, minlength=10) keeps them.": counts[counts > 0] / len(DIGITS),
            "digits that do not occur have lost their places, and these are counts: use np.bincount(digits, "
            "minlength=10), divided by the number of digits.": counts[counts > 0],
            "the digits above the largest one are missing: np.bincount needs minlength=10.":
                counts[: DIGITS.max() + 1] / len(DIGITS),
            "the shares are divided by 10, the number of classes. Divide by the number of digits.": counts / 10,
        },
    )  # fmt: skip
    small = as_numbers("class_shares", class_shares(np.array([0, 2])))
    if small.shape != (10,):
        raise WrongAnswerError(
            f"right for some digits, but of the digits [0, 2] there are {small.size} shares: np.bincount needs "
            "minlength=10."
        )
    even, skewed = np.full(10, 0.1), np.array([0.3, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    right = np.sum(skewed * np.log(10 * skewed))
    with np.errstate(divide="ignore", invalid="ignore"):  # a mistake at a share of 0 is told in words below
        found, at_even, one = (kl_to_uniform(shares) for shares in (skewed, even, np.eye(10)[1]))
    require_equal(
        "kl_to_uniform", "shares of 0.3, 0.2, 0.1, 0.1 and six of 0.05", found, right,
        {
            "the logarithm is to base 2: np.log gives nats.": right / np.log(2),
            "the logarithm is to base 10: np.log gives nats.": right / np.log(10),
            "the sign is flipped: a divergence is never negative.": -right,
            "this is the entropy of the shares. The divergence is log 10 minus it.": np.log(10) - right,
            "this is minus the entropy: divide each share by its even share of 1/10 inside the logarithm.":
                right - np.log(10),
            "this is the divergence of the even shares from these, which is infinite if a digit is missing. Weight the "
            "logarithms by the shares.": np.sum(0.1 * np.log(0.1 / skewed)),
            "this is the mean over the classes. Take the sum.": right / 10,
        },
    )  # fmt: skip
    require_equal("kl_to_uniform", "ten equal shares", at_even, 0.0, {})
    if not np.isfinite(as_numbers("kl_to_uniform", one)):
        raise WrongAnswerError(
            "right where all digits occur, but with a share of 0 it is not finite: 0 log 0 counts as 0, so leave such "
            "shares out of the sum, for example by shares = shares[shares > 0]."
        )
    require_equal("kl_to_uniform", "one digit alone", one, np.log(10), {})
    return "right, also for digits that do not occur."


@exercise(8)
def frechet_1d(frechet_1d: Callable) -> str:
    """Check the Fréchet distance of two normal distributions of one feature."""
    require_equal(
        "frechet_1d", "means of 1 and 4, and standard deviations of 2 and 0.5", frechet_1d(1.0, 2.0, 4.0, 0.5),
        3**2 + 1.5**2,
        {
            "the spread is not used: two features with equal means may still be spread differently.": 3**2,
            "the means are not used.": 1.5**2,
            "the differences are not squared.": 3 + 1.5,
            "this is the root of it. The Fréchet distance is reported squared, as FID is.": np.sqrt(3**2 + 1.5**2),
            "the variances are compared. Compare the standard deviations.": 3**2 + (4 - 0.25) ** 2,
            "the variances are subtracted. Subtract the standard deviations, then square.": 3**2 + (4 - 0.25),
            "the two squares are subtracted. Add them.": 3**2 - 1.5**2,
        },
    )  # fmt: skip
    return "right. gan_jax.evaluate does the same for 128 features at once, with matrices in the place of spreads."
