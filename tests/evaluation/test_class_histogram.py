import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from gan_jax.evaluation.class_histogram import classes_covered, classifier_score, digit_histogram, kl_to_uniform

pytestmark = pytest.mark.numeric

# A float64 sum of ten terms; a float32 softmax and the exponential of a mean over hundreds of rows.
KL = 1e-12
SCORE = 1e-5

SURE = 50.0  # a logit at which the softmax is one-hot in float32
checked = settings(deadline=None, derandomize=True, max_examples=30)
logits = st.builds(
    lambda seed, rows, scale: np.random.default_rng(seed).normal(0, scale, (rows, 10)).astype(np.float32),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 200]),  # few lengths, since each is compiled
    st.floats(0.1, 20),
)


def one_hot(classes: list[int]) -> jnp.ndarray:
    return jnp.asarray(SURE * np.eye(10)[classes], jnp.float32)


def test_one_digit() -> None:
    sevens = one_hot([7] * 500)
    histogram = digit_histogram(sevens)
    assert histogram.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert classes_covered(histogram) == 1
    assert kl_to_uniform(histogram) == pytest.approx(math.log(10), abs=KL)
    assert classifier_score(sevens) == pytest.approx(1, abs=SCORE)


def test_all_digits_equally_often() -> None:
    even = one_hot(list(range(10)) * 20)
    histogram = digit_histogram(even)
    assert classes_covered(histogram) == 10
    assert kl_to_uniform(histogram) == pytest.approx(0, abs=KL)
    assert classifier_score(even) == pytest.approx(10, rel=SCORE)


def test_a_class_is_covered_from_one_percent_on() -> None:
    assert classes_covered(np.array([0.97, 0.01, 0.02, 0, 0, 0, 0, 0, 0, 0])) == 3
    assert classes_covered(np.array([0.985, 0.009, 0.006, 0, 0, 0, 0, 0, 0, 0])) == 1


def test_uniform_predictions_score_one() -> None:
    assert classifier_score(jnp.zeros((50, 10))) == pytest.approx(1, abs=SCORE)


@checked
@given(logits=logits)
def test_scores_agree_with_scipy(logits: np.ndarray) -> None:
    histogram = digit_histogram(jnp.asarray(logits))
    counts = np.bincount(logits.argmax(axis=1), minlength=10)
    np.testing.assert_allclose(histogram, counts / counts.sum(), rtol=KL)
    assert kl_to_uniform(histogram) == pytest.approx(entropy(counts, np.ones(10)), abs=KL)

    weights = np.exp(np.float64(logits) - logits.max(axis=1, keepdims=True))
    conditional = weights / weights.sum(axis=1, keepdims=True)
    expected = np.exp(np.mean(entropy(conditional, np.tile(conditional.mean(axis=0), (len(logits), 1)), axis=1)))
    assert classifier_score(jnp.asarray(logits)) == pytest.approx(expected, rel=SCORE)
