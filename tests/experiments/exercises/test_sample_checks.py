"""Exercises 5 and 8: each typical mistake is told in its own words, and the formulas are what they claim to be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.exercises import check
from gan_jax.evaluation.class_histogram import kl_to_uniform as library_kl
from gan_jax.evaluation.frechet import Moments, frechet_distance
from tests.helpers.exercises import solutions, verdict

DENSITY = st.floats(0.01, 10)


@given(p=DENSITY, q=DENSITY, a=st.floats(0.6, 1), b=st.floats(0, 0.4))
def test_the_optimal_discriminator_minimizes_ds_loss(p, q, a, b):
    def loss(answer):
        return p * (-a * np.log(answer) - (1 - a) * np.log(1 - answer)) + q * (
            -b * np.log(answer) - (1 - b) * np.log(1 - answer)
        )

    best = float(OPTIMAL(np.float64(p), np.float64(q), a, b))
    for other in (best + 1e-3, best - 1e-3):
        if 0 < other < 1 and 0 < best < 1:
            assert loss(best) < loss(other)


OPTIMAL = solutions()["optimal_discriminator"]


@pytest.mark.parametrize(
    ("optimal", "words"),
    [
        (lambda p, q, a, b: (a * q + b * p) / (p + q), "p and q are swapped"),
        (lambda p, q, a, b: a * p / q, "this is p / q"),
        (lambda p, q, a, b: p / (p + q), "the targets are not used"),
        (lambda p, q, a, b: (p + b * q) / (p + q), "real_target is not used"),
        (lambda p, q, a, b: a * p / (p + q), "fake_target is not used"),
        (lambda p, q, a, b: (a * p + b) / (p + q), "fake_target must be multiplied by q"),
        (lambda p, q, a, b: p, "right is"),
    ],
)
def test_mistakes_in_the_optimal_discriminator(optimal, words):
    found = verdict(check.optimal_discriminator, optimal)
    assert not found
    assert words in found.message


@given(shares=st.lists(st.integers(0, 20), min_size=10, max_size=10).filter(any))
def test_the_solved_divergence_is_the_librarys(shares):
    shares = np.array(shares) / sum(shares)
    np.testing.assert_allclose(KL(shares), library_kl(shares), atol=1e-12)  # ten terms of float64


KL = solutions()["kl_to_uniform"]
SHARES = solutions()["class_shares"]


@pytest.mark.parametrize(
    "kl",
    [
        lambda shares: sum(share * np.log(10 * share) for share in shares if share > 0),
        lambda shares: jnp.sum(jax.scipy.special.rel_entr(jnp.asarray(shares), jnp.full(10, 0.1))),
        lambda shares: np.log(10) + np.sum(shares * np.log(np.where(shares > 0, shares, 1))),
    ],
)
def test_other_forms_of_the_divergence_are_right(kl):
    assert verdict(check.class_histogram, SHARES, kl)


@pytest.mark.parametrize(
    ("shares", "kl", "words"),
    [
        (lambda digits: np.bincount(digits, minlength=10), KL, "these are counts"),
        (lambda digits: np.unique(digits, return_counts=True)[1] / len(digits), KL, "there must be ten shares"),
        (lambda digits: np.unique(digits, return_counts=True)[1], KL, "lost their places, and these are counts"),
        (lambda digits: np.bincount(digits, minlength=10) / 10, KL, "divided by 10"),
        (lambda digits: np.bincount(digits) / len(digits), KL, "of the digits [0, 2] there are 3 shares"),
        (SHARES, lambda shares: np.sum(shares * np.log2(10 * shares)), "to base 2"),
        (SHARES, lambda shares: np.sum(shares * np.log10(10 * shares)), "to base 10"),
        (SHARES, lambda shares: -KL(shares), "the sign is flipped"),
        (SHARES, lambda shares: -np.sum(shares * np.log(shares)), "this is the entropy"),
        (SHARES, lambda shares: np.sum(shares * np.log(shares)), "this is minus the entropy"),
        (SHARES, lambda shares: np.sum(0.1 * np.log(0.1 / shares)), "infinite if a digit is missing"),
        (SHARES, lambda shares: np.mean(shares * np.log(10 * shares)), "the mean over the classes"),
        (SHARES, lambda shares: np.sum(shares * np.log(10 * shares)), "0 log 0 counts as 0"),
        (SHARES, lambda shares: np.sum(shares * np.log(10 * np.clip(shares, 1e-9, 0.9))), "with one digit alone"),
    ],
)
def test_mistakes_in_the_histogram(shares, kl, words):
    found = verdict(check.class_histogram, shares, kl)
    assert not found
    assert words in found.message


@given(*[st.floats(-5, 5), st.floats(0.1, 5)] * 2)
def test_the_solved_frechet_distance_is_the_librarys_in_one_dimension(mean_1, deviation_1, mean_2, deviation_2):
    found = FRECHET(mean_1, deviation_1, mean_2, deviation_2)
    first, second = (
        Moments(np.array([mean]), np.array([[deviation**2]]))
        for mean, deviation in ((mean_1, deviation_1), (mean_2, deviation_2))
    )
    # The library subtracts a root of products of squares, of up to 25, from their sum: round-off of some 1e-14.
    np.testing.assert_allclose(found, frechet_distance(first, second), atol=1e-12)


FRECHET = solutions()["frechet_1d"]


@pytest.mark.parametrize(
    ("frechet", "words"),
    [
        (lambda m, s, n, t: (m - n) ** 2, "the spread is not used"),
        (lambda m, s, n, t: (s - t) ** 2, "the means are not used"),
        (lambda m, s, n, t: abs(m - n) + abs(s - t), "not squared"),
        (lambda m, s, n, t: np.hypot(m - n, s - t), "the root"),
        (lambda m, s, n, t: (m - n) ** 2 + (s**2 - t**2) ** 2, "the variances are compared"),
        (lambda m, s, n, t: (m - n) ** 2 + abs(s**2 - t**2), "the variances are subtracted"),
        (lambda m, s, n, t: (m - n) ** 2 - (s - t) ** 2, "the two squares are subtracted"),
    ],
)
def test_mistakes_in_the_frechet_distance(frechet, words):
    found = verdict(check.frechet_1d, frechet)
    assert not found
    assert words in found.message
