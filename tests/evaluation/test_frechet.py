import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import ortho_group

from gan_jax.evaluation.frechet import Moments, frechet_distance, moments

pytestmark = pytest.mark.numeric

# float64 with one square root of an eigenvalue: 1e-16 of the traces, or 1e-8 where a covariance is singular.
RELATIVE = 1e-9
SINGULAR = 1e-6

seeds = st.integers(0, 2**32 - 1)
checked = settings(deadline=None, derandomize=True, max_examples=50)


def random_moments(rng: np.random.Generator, dimension: int, rank: int | None = None) -> Moments:
    factor = rng.normal(size=(dimension, rank or dimension + 2))
    return Moments(rng.normal(size=dimension), factor @ factor.T)


def test_one_dimension() -> None:
    first, second = Moments(np.array([1.0]), np.array([[4.0]])), Moments(np.array([4.0]), np.array([[25.0]]))
    assert frechet_distance(first, second) == pytest.approx((1 - 4) ** 2 + (2 - 5) ** 2, rel=RELATIVE)


def test_commuting_covariances_compare_standard_deviations() -> None:
    rng, dimension = np.random.default_rng(0), 6
    axes = ortho_group.rvs(dimension, random_state=rng)
    s1, s2 = rng.uniform(0.1, 3, (2, dimension))
    m1, m2 = rng.normal(size=(2, dimension))
    distance = frechet_distance(
        Moments(m1, axes @ np.diag(s1**2) @ axes.T), Moments(m2, axes @ np.diag(s2**2) @ axes.T)
    )
    assert distance == pytest.approx(np.sum((m1 - m2) ** 2) + np.sum((s1 - s2) ** 2), rel=RELATIVE)


@checked
@given(seed=seeds, dimension=st.integers(1, 12))
def test_agrees_with_the_matrix_square_root_of_scipy(seed: int, dimension: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_moments(rng, dimension), random_moments(rng, dimension)
    root = np.real(sqrtm(first.covariance @ second.covariance))
    spread = np.trace(first.covariance + second.covariance - 2 * root)
    expected = np.sum((first.mean - second.mean) ** 2) + spread
    assert frechet_distance(first, second) == pytest.approx(expected, rel=SINGULAR, abs=SINGULAR)


@checked
@given(seed=seeds, dimension=st.integers(2, 12), scale=st.floats(0.1, 10))
def test_is_a_squared_distance(seed: int, dimension: int, scale: float) -> None:
    """Symmetric, zero on itself, unchanged by a rotation and a shift, and quadratic in the scale of the features."""
    rng = np.random.default_rng(seed)
    first, second = random_moments(rng, dimension), random_moments(rng, dimension)
    distance = frechet_distance(first, second)
    axes, shift = scale * ortho_group.rvs(dimension, random_state=rng), rng.normal(size=dimension)

    def moved(of: Moments) -> Moments:
        return Moments(axes @ of.mean + shift, axes @ of.covariance @ axes.T)

    assert frechet_distance(second, first) == pytest.approx(distance, rel=SINGULAR, abs=SINGULAR)
    assert frechet_distance(first, first) == pytest.approx(0, abs=SINGULAR * np.trace(first.covariance))
    assert frechet_distance(moved(first), moved(second)) == pytest.approx(
        scale**2 * distance, rel=SINGULAR, abs=SINGULAR
    )


def test_singular_covariances() -> None:
    """Two orthogonal lines in the plane share no direction: the distance is the sum of the traces."""
    along_x, along_y = Moments(np.zeros(2), np.diag([9.0, 0.0])), Moments(np.zeros(2), np.diag([0.0, 4.0]))
    assert frechet_distance(along_x, along_y) == pytest.approx(13, abs=SINGULAR)
    constant = moments(np.ones((10, 2), np.float32))
    assert frechet_distance(constant, along_x) == pytest.approx(2 + 9, abs=SINGULAR)


def test_moments_of_two_points() -> None:
    mean, covariance = moments(np.array([[0, 0], [2, 4]], np.float32))
    np.testing.assert_array_equal(mean, [1, 2])
    np.testing.assert_array_equal(covariance, [[2, 4], [4, 8]])
    assert mean.dtype == covariance.dtype == np.float64
