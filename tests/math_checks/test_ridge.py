"""Ridge regression against closed forms, SciPy and scikit-learn, and its error messages."""

import subprocess
import sys

import chex
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from sklearn.linear_model import Ridge

from gan_jax.errors import UserError
from math_checks.precision import EPS
from math_checks.ridge import gradient, hessian, intercept_free, objective, ridge, ridge_path

pytestmark = pytest.mark.numeric

# Coefficients from two backward stable methods differ by some eps times the system's condition.
AGREEMENT_PER_CONDITION = 100 * EPS
# One to three values, added, squared and divided by hand.
BY_HAND = 1e-15

property_test = settings.get_profile("math_checks")

# Compiled once per shape instead of operation by operation.
derivative, second_derivative = jax.jit(jax.jacfwd(objective)), jax.jit(jax.jacfwd(jax.grad(objective)))


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Draw features (n, d) of a random condition, targets, a strength, and the condition of the whole system."""
    n, d = draw(st.sampled_from([3, 30])), draw(st.sampled_from([1, 5, 12]))
    exponent = draw(st.floats(0, 3))
    strength = 10.0 ** draw(st.floats(-4, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    left, _, right = np.linalg.svd(generator.standard_normal((n, d)), full_matrices=False)
    spread = np.logspace(0, -exponent, min(n, d))
    features = np.sqrt(n) * left * spread @ right + generator.standard_normal(d)
    targets = generator.standard_normal(n) + 5 * generator.standard_normal()
    assert np.isfinite(features).all()
    assert np.isfinite(targets).all()
    system = np.asarray(hessian(features, strength, np.asarray(intercept_free(d))))
    return features, targets, strength, float(np.linalg.cond(system))


def assert_agrees(found: np.ndarray, expected: np.ndarray, condition: float) -> None:
    assert np.isfinite(expected).all()
    tolerance = AGREEMENT_PER_CONDITION * condition * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@property_test
@given(problems())
def test_agrees_with_scikit_learn(problem) -> None:
    features, targets, strength, condition = problem
    peer = Ridge(alpha=len(features) * strength, solver="svd").fit(features, targets)
    assert_agrees(ridge(features, targets, strength), np.array([peer.intercept_, *peer.coef_]), condition)


@property_test
@given(problems())
def test_agrees_with_least_squares_by_scipy(problem) -> None:
    features, targets, strength, condition = problem
    n, d = features.shape
    penalty_rows = np.column_stack([np.zeros(d), np.sqrt(n * strength) * np.eye(d)])
    rows = np.vstack([np.column_stack([np.ones(n), features]), penalty_rows])
    peer = scipy.linalg.lstsq(rows, np.concatenate([targets, np.zeros(d)]))
    assert peer is not None
    assert_agrees(ridge(features, targets, strength), peer[0], condition)


@property_test
@given(problems())
def test_no_step_away_from_the_solution_lowers_the_objective(problem) -> None:
    features, targets, strength, _ = problem
    penalty = intercept_free(features.shape[1])
    b = ridge(features, targets, strength)
    steps = np.random.default_rng(0).standard_normal((8, len(b))) * (1e-3 + np.abs(b).max())
    lowest = objective(b, features, targets, strength, penalty)
    for step in steps:
        assert objective(b + step, features, targets, strength, penalty) > lowest


@property_test
@given(problems())
def test_gradient_and_hessian_are_the_derivatives(problem) -> None:
    features, targets, strength, _ = problem
    d = features.shape[1]
    b, penalty = np.linspace(-1, 1, d + 1), np.asarray(intercept_free(d))
    arguments = (features, targets, strength, penalty)
    size = np.abs(hessian(features, strength, penalty)).max() * (d + 1) + np.abs(targets).max()
    tolerance = 100 * EPS * float(size)  # sums of n d terms of at most this size
    chex.assert_trees_all_close(gradient(b, *arguments), derivative(b, *arguments), atol=tolerance, rtol=0)
    chex.assert_trees_all_close(
        hessian(features, strength, penalty), second_derivative(b, *arguments), atol=tolerance, rtol=0
    )


def test_by_hand() -> None:
    # x = -1, 1 and y = 1, 5: mean 3, least-squares slope 2, and (1 + lambda) slope = 2.
    np.testing.assert_allclose(ridge([[-1.0], [1.0]], [1.0, 5.0], 1.0), [3.0, 1.0], rtol=BY_HAND)
    np.testing.assert_allclose(ridge([[-1.0], [1.0]], [1.0, 5.0], 0.0), [3.0, 2.0], rtol=BY_HAND)


def test_refinement_recovers_the_digits_lost_by_the_normal_equations() -> None:
    # Lauchli's matrix: Z'Z holds eps^2 = 1e-12 to four digits only; least squares by QR keeps ten.
    small = 1e-6
    features = np.array([[1.0, 1.0], [small, 0.0], [0.0, small], [-1.0, -1.0]])
    truth = np.array([0.5, 1.0, 2.0])
    found = ridge(features, truth[0] + features @ truth[1:], 0.0)
    # cond(Z) = 1e6 instead of cond(Z)^2 = 1e12, times a hundred eps.
    np.testing.assert_allclose(found, truth, rtol=100 * EPS * 1e6)


def test_targets_and_strengths_in_batches() -> None:
    generator = np.random.default_rng(1)
    features, targets = generator.standard_normal((20, 4)), generator.standard_normal((20, 3))
    strengths = np.array([0.1, 1.0, 10.0])
    path = ridge_path(features, targets, strengths)
    chex.assert_shape(path, (3, 5, 3))
    for i, strength in enumerate(strengths):
        for j in range(3):
            # Well-conditioned: below 20.
            assert_agrees(path[i, :, j], ridge(features, targets[:, j], strength), condition=20.0)


def test_float64_in_a_float32_process() -> None:
    with jax.enable_x64(False):
        found = ridge(np.array([[-1.0], [1.0]]), np.array([1.0, 5.0]), 1.0)
        assert found.dtype == np.float64
        assert not jax.config.read("jax_enable_x64")


def test_importing_changes_nothing_for_the_rest_of_the_process() -> None:
    program = "import math_checks.commands, jax; assert not jax.config.jax_enable_x64"
    subprocess.run([sys.executable, "-c", program], check=True)


X, Y = np.arange(6.0).reshape(3, 2) ** 2, np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], Y, 1.0), r"features must be \(rows, columns\)"),
        ((X[:0], Y[:0], 1.0), "at least one of each"),
        ((X, Y[:2], 1.0), r"targets must be \(3,\)"),
        ((X, Y[:, None, None], 1.0), r"targets must be \(3,\)"),
        ((np.where(X == 4, np.nan, X), Y, 1.0), r"features\[1, 0\] is nan: remove"),
        ((X, np.where(Y == 2, np.inf, Y), 1.0), r"targets\[1\] is inf: remove"),
        ((X, Y, -1.0), "0 or more, not -1"),
        ((X, Y, np.nan), r"penalty_strength\[0\] is nan"),
        ((X, ["a", "b", "c"], 1.0), "targets must be real numbers"),
        ((X + 1j, Y, 1.0), "features must be real numbers"),
        ((X, Y, 1.0, np.eye(2)), r"penalty must be \(3, 3\)"),
        ((X, Y, 1.0, np.triu(np.ones((3, 3)))), r"symmetric: use \(A \+ A'\) / 2"),
        ((X, Y, 1.0, np.diag([0.0, 1.0, -1.0])), "eigenvalue -1"),
        # A thousand times the rounding error.
        ((X, Y, 1.0, np.eye(3) + 1e-9 * np.triu(np.ones((3, 3)), 1)), "symmetric"),
        ((X, Y, 1.0, np.diag([0.0, 1.0, -1e-9])), "eigenvalue -1e-09"),
        ((X * 1e200, Y, 1.0), "overflow float64: divide"),
        (
            (np.hstack([X, X[:, :1]]), Y, 0.0),
            "column 0, column 2 are linearly dependent; raise",
        ),
        ((np.ones((3, 1)), Y, 0.0), "the intercept, column 0 are linearly dependent"),
        ((np.zeros((3, 1)), Y, 0.0), "column 0 is zero or a linear combination of others"),
        ((X, Y, 1e308, 10 * np.eye(3)), "penalty_strength, overflow"),
    ],
)
def test_errors_say_what_to_do(arguments, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ridge(*arguments)
    assert "\n" not in str(caught.value)


def test_a_singular_system_names_the_users_columns() -> None:
    with pytest.raises(UserError, match="column 'area', column 'floor' are linearly dependent"):
        ridge(np.hstack([X, X[:, :1]]), Y, 0.0, names=("area", "rooms", "floor"))


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_are_dependent_up_to_rounding_are_refused(seed: int) -> None:
    features = np.random.default_rng(seed).standard_normal((30, 5))
    features[:, 4] = features[:, :4].sum(axis=1) / 3
    with pytest.raises(UserError, match="no unique solution"):
        ridge(features, features[:, 0], 0.0)


def test_a_path_is_refused_if_its_smallest_strength_has_no_unique_solution() -> None:
    with pytest.raises(UserError, match="no unique solution at penalty_strength 0:"):
        ridge_path(np.hstack([X, X[:, :1]]), Y, [1.0, 0.0, 10.0])


def test_a_penalty_matrix_may_have_rounding_errors() -> None:
    roots = np.random.default_rng(0).standard_normal((2, 3)) * 1e3  # rank 2: an eigenvalue of +-1e-10 from rounding
    penalty = roots.T @ roots
    penalty[0, 1] *= 1 + 4 * EPS
    assert np.isfinite(ridge(X, Y, 1.0, penalty)).all()


def test_a_path_needs_a_list_of_strengths() -> None:
    with pytest.raises(UserError, match="or a list of them for a path"):
        ridge_path(X, Y, [])
