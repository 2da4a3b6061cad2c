"""What must hold of a ridge solution, each statement with its measured residual.

A check takes a `Problem` and the `Method` under test. The method is an argument so that a wrong
one (a penalised intercept, a missing 1/n) can be shown to fail.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.linear_model import Ridge

from math_checks import ridge as closed_form
from math_checks.check import Check, check
from math_checks.precision import EPS, in_float64


class Method(NamedTuple):
    """The four functions under test, with the signatures that they have in `ridge.py`."""

    solve: Callable = closed_form.ridge
    path: Callable = closed_form.ridge_path
    gradient: Callable = closed_form.gradient
    hessian: Callable = closed_form.hessian


OURS = Method()


class Problem(NamedTuple):
    """Data to check on: finite float64 features (n, d) without a constant column, and targets (n,)."""

    name: str
    features: np.ndarray
    targets: np.ndarray
    penalty_strength: float  # above 0

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray, float]:
        """What every solver takes."""
        return self.features, self.targets, self.penalty_strength

    @property
    def penalty(self) -> np.ndarray:
        """A = diag(0, 1, ..., 1)."""
        return np.diag([0.0] + [1.0] * self.features.shape[1])


@in_float64
def spectrum(features: np.ndarray, penalty_strength: float, penalty: np.ndarray) -> np.ndarray:
    """Eigenvalues, rising, of Z'Z/n + lambda A scaled to a unit diagonal: float64 (d + 1,)."""
    hessian = closed_form.hessian(jnp.asarray(features), penalty_strength, jnp.asarray(penalty))
    return np.linalg.eigvalsh(closed_form.unit_diagonal(np.asarray(hessian)))


def condition(problem: Problem) -> float:
    """How much the solution magnifies a relative change of the system, units aside."""
    eigenvalues = spectrum(problem.features, problem.penalty_strength, problem.penalty)
    return float(eigenvalues[-1] / eigenvalues[0])


def full_rank(problem: Problem) -> bool:
    """Whether least squares, the limit of vanishing strength, has one solution known to six digits or more."""
    eigenvalues = spectrum(problem.features, 0.0, problem.penalty)
    return bool(eigenvalues[0] > LEAST_SQUARES_SHARE * eigenvalues[-1])


LEAST_SQUARES_SHARE = 1e-10  # six of float64's sixteen digits left
GRADIENT_BOUND = 1e-10
GRADIENT_REASON = "a sum of n terms rounds by at most n eps of their size: 2e-11 at n = 100 000"
DERIVATIVE_BOUND = 1e-12
DERIVATIVE_REASON = "both sides are the same sums in another order: some hundred eps"
DEFINITE_BOUND = 1e-13
DEFINITE_REASON = "450 eps: well above the few to which an eigenvalue is known, so that its sign is certain"
SINGULAR_BOUND = 1e-13
SINGULAR_REASON = "an eigenvalue of a matrix with unit diagonal is known to some ten eps"
AGREEMENT_REASON = "1e-10, or where the system is ill-conditioned the 64 eps x condition that two solvers may differ by"
IDENTITY_BOUND = 1e-12
IDENTITY_REASON = "1e-12, or where the system is ill-conditioned the eps x condition that rounding the data costs"
LIMIT_BOUND = 1e-12
LIMIT_REASON = "at lambda = 1e14 mean |x|^2 the slopes carry 1e-14 of y's deviation (Cauchy and Schwarz)"
RATE_BOUND = 0.05
RATE_REASON = "the expansion's next term is at most a hundredth of its first at the strengths used"
VISIBLE_BOUND = 1e-3
VISIBLE_REASON = "nine orders of magnitude above the rounding that the right formula shows"


def agreement_bound(problem: Problem) -> float:
    return max(1e-10, 64 * EPS * condition(problem))


def identity_bound(problem: Problem) -> float:
    return max(IDENTITY_BOUND, EPS * condition(problem))


def _distance(problem: Problem, b: np.ndarray, c: np.ndarray) -> float:
    """The largest difference of one column's share in the fit, relative to the targets: free of units."""
    columns = np.sqrt(np.concatenate([[1.0], np.mean(problem.features**2, axis=0)]))
    return float(np.max(np.abs(b - c) * columns) / np.sqrt(np.mean(problem.targets**2)))


def _relative_gradient(problem: Problem, gradient: jax.Array, b: np.ndarray) -> float:
    """The gradient's largest entry relative to the terms that cancel in it."""
    Z = np.abs(np.column_stack([np.ones(len(problem.features)), problem.features]))
    terms = Z.T @ (Z @ np.abs(b) + np.abs(problem.targets)) / len(Z)
    return float(np.max(np.abs(gradient) / (2 * (terms + problem.penalty_strength * problem.penalty @ np.abs(b)))))


@check(GRADIENT_BOUND, GRADIENT_REASON)
def gradient_is_zero_by_grad(problem: Problem, method: Method = OURS) -> float:
    """jax.grad of the objective vanishes at the solution."""
    b = method.solve(*problem.data)
    return _relative_gradient(problem, jax.grad(closed_form.objective)(b, *problem.data, problem.penalty), b)


@check(GRADIENT_BOUND, GRADIENT_REASON)
def gradient_is_zero_by_jacfwd(problem: Problem, method: Method = OURS) -> float:
    """jax.jacfwd of the objective vanishes at the solution."""
    b = method.solve(*problem.data)
    return _relative_gradient(problem, jax.jacfwd(closed_form.objective)(b, *problem.data, problem.penalty), b)


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def gradient_formula(problem: Problem, method: Method = OURS) -> float:
    """(2/n) Z'(Zb - y) + 2 lambda A b is the derivative of the objective, at b = (1, ..., 1)."""
    b = np.ones(problem.features.shape[1] + 1)
    derivative = jax.jacfwd(closed_form.objective)(b, *problem.data, problem.penalty)
    return _relative_gradient(problem, method.gradient(b, *problem.data, problem.penalty) - derivative, b)


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def hessian_formula(problem: Problem, method: Method = OURS) -> float:
    """2 (Z'Z/n + lambda A) is the second derivative of the objective."""
    b = np.zeros(problem.features.shape[1] + 1)
    derivative = np.asarray(jax.hessian(closed_form.objective)(b, *problem.data, problem.penalty))
    formula = method.hessian(problem.features, problem.penalty_strength, problem.penalty)
    scale = np.sqrt(np.diag(derivative))
    return float(np.max(np.abs(derivative - formula) / np.outer(scale, scale)))


@check(DEFINITE_BOUND, DEFINITE_REASON, relation=">=")
def hessian_is_positive_definite(problem: Problem, method: Method = OURS) -> float:
    """With lambda = 1 the Hessian is positive definite, even where every column is repeated."""
    twice = problem._replace(features=np.hstack([problem.features] * 2), penalty_strength=1.0)
    return _smallest_share(method.hessian(twice.features, twice.penalty_strength, twice.penalty))


@check(SINGULAR_BOUND, SINGULAR_REASON)
def hessian_is_singular_without_penalty(problem: Problem, method: Method = OURS) -> float:
    """With lambda = 0 and repeated columns the Hessian is singular: nothing chooses between them."""
    twice = problem._replace(features=np.hstack([problem.features] * 2), penalty_strength=0.0)
    return abs(_smallest_share(method.hessian(twice.features, twice.penalty_strength, twice.penalty)))


def _smallest_share(hessian: jax.Array) -> float:
    eigenvalues = np.linalg.eigvalsh(closed_form.unit_diagonal(np.asarray(hessian)))
    return float(eigenvalues[0] / eigenvalues[-1])


@check(agreement_bound, AGREEMENT_REASON)
def agrees_with_scikit_learn(problem: Problem, method: Method = OURS) -> float:
    """scikit-learn's Ridge(alpha = n lambda) finds the same coefficients."""
    alpha = len(problem.features) * problem.penalty_strength
    peer = Ridge(alpha=alpha, solver="cholesky").fit(problem.features, problem.targets)
    return _distance(problem, method.solve(*problem.data), np.concatenate([[peer.intercept_], peer.coef_]))


@check(agreement_bound, AGREEMENT_REASON)
def agrees_with_augmented_least_squares(problem: Problem, method: Method = OURS) -> float:
    """Least squares on [Z; sqrt(n lambda A)] and [y; 0], by orthogonal factorisation, finds the same."""
    return _distance(problem, method.solve(*problem.data), _augmented_least_squares(problem, problem.penalty))


@check(agreement_bound, AGREEMENT_REASON)
def general_penalty_agrees_with_least_squares(problem: Problem, method: Method = OURS) -> float:
    """The same with A = D'D, D the differences of neighbouring slopes plus the identity."""
    num_slopes = problem.features.shape[1]
    roots = np.eye(num_slopes) - np.eye(num_slopes, k=1)
    penalty = np.zeros_like(problem.penalty)
    penalty[1:, 1:] = np.eye(num_slopes) + roots.T @ roots
    return _distance(problem, method.solve(*problem.data, penalty), _augmented_least_squares(problem, penalty))


@in_float64
def _augmented_least_squares(problem: Problem, penalty: np.ndarray) -> np.ndarray:
    eigenvalues, vectors = np.linalg.eigh(penalty)
    root = np.sqrt(np.maximum(eigenvalues, 0.0))[:, None] * vectors.T
    n = len(problem.features)
    rows = np.vstack([np.column_stack([np.ones(n), problem.features]), np.sqrt(n * problem.penalty_strength) * root])
    lengths = np.linalg.norm(rows, axis=0)
    targets = np.concatenate([problem.targets, np.zeros(len(root))])
    solution, *_ = np.linalg.lstsq(rows / lengths, targets, rcond=EPS)
    return solution / lengths


@check(agreement_bound, AGREEMENT_REASON)
def many_targets_agree_with_one(problem: Problem, method: Method = OURS) -> float:
    """Solving for y and its square at once, by vmap, equals solving for each."""
    targets = np.column_stack([problem.targets, problem.targets**2 / np.abs(problem.targets).max()])
    together = method.solve(problem.features, targets, problem.penalty_strength)
    alone = [method.solve(problem.features, column, problem.penalty_strength) for column in targets.T]
    return max(_distance(problem, together[:, i], alone[i]) for i in range(2))


@check(agreement_bound, AGREEMENT_REASON)
def path_agrees_with_single_strengths(problem: Problem, method: Method = OURS) -> float:
    """A path over strengths, by vmap, equals a solution at each."""
    strengths = problem.penalty_strength * np.array([1.0, 10.0, 100.0])
    path = method.path(problem.features, problem.targets, strengths)
    alone = [method.solve(problem.features, problem.targets, strength) for strength in strengths]
    return max(_distance(problem, b, c) for b, c in zip(path, alone, strict=True))


@check(RATE_BOUND, RATE_REASON)
def vanishing_strength_gives_least_squares(problem: Problem, method: Method = OURS) -> float:
    """As lambda goes to 0 the distance to least squares falls in proportion to lambda: slope 1."""
    centred = problem.features - problem.features.mean(axis=0)
    smallest = np.linalg.svd(centred, compute_uv=False)[-1] ** 2 / len(centred)
    strengths = smallest * np.array([1e-2, 1e-3, 1e-4])
    least_squares = _augmented_least_squares(problem._replace(penalty_strength=0.0), problem.penalty)
    path = method.path(problem.features, problem.targets, strengths)
    if _distance(problem, least_squares, np.eye(len(least_squares))[0] * problem.targets.mean()) < IDENTITY_BOUND:
        # No slopes to shrink: every strength gives the same, and there is no rate to measure.
        return max(_distance(problem, b, least_squares) for b in path)
    distances = [_distance(problem, b, least_squares) for b in path]
    return float(abs(np.polyfit(np.log(strengths), np.log(distances), 1)[0] - 1))


@check(LIMIT_BOUND, LIMIT_REASON)
def infinite_strength_leaves_the_mean(problem: Problem, method: Method = OURS) -> float:
    """As lambda goes to infinity the slopes vanish and the intercept is the mean of y."""
    b = method.solve(problem.features, problem.targets, 1e14 * np.mean(problem.features**2, axis=0).sum())
    limit = np.zeros_like(b)
    limit[0] = problem.targets.mean()
    return _distance(problem, b, limit)


def _shift_error(problem: Problem, penalty: np.ndarray, method: Method) -> float:
    shift = np.sqrt(np.mean(problem.targets**2))
    moved = method.solve(problem.features, problem.targets + shift, problem.penalty_strength, penalty)
    expected = method.solve(*problem.data, penalty)
    expected[0] += shift
    return _distance(problem, moved, expected)


@check(identity_bound, IDENTITY_REASON)
def shift_moves_only_the_intercept(problem: Problem, method: Method = OURS) -> float:
    """y + c gives b + (c, 0, ..., 0)."""
    return _shift_error(problem, problem.penalty, method)


@check(VISIBLE_BOUND, VISIBLE_REASON, relation=">=")
def penalised_intercept_breaks_the_shift(problem: Problem, method: Method = OURS) -> float:
    """With A = I, the intercept penalised too, y + c at lambda = 1 moves the slopes or loses part of c."""
    return _shift_error(problem._replace(penalty_strength=1.0), np.eye(len(problem.penalty)), method)


@check(identity_bound, IDENTITY_REASON)
def targets_scale_the_solution(problem: Problem, method: Method = OURS) -> float:
    """3y gives 3b."""
    tripled = method.solve(problem.features, 3 * problem.targets, problem.penalty_strength)
    return _distance(problem, tripled / 3, method.solve(*problem.data))


@check(identity_bound, IDENTITY_REASON)
def features_scale_the_slopes(problem: Problem, method: Method = OURS) -> float:
    """3X with 9 lambda gives the slopes divided by 3 and the same intercept."""
    scaled = method.solve(3 * problem.features, problem.targets, 9 * problem.penalty_strength)
    scaled[1:] *= 3
    return _distance(problem, scaled, method.solve(*problem.data))


@check(identity_bound, IDENTITY_REASON)
def repeated_rows_change_nothing(problem: Problem, method: Method = OURS) -> float:
    """Every row twice gives the same b: the 1/n of the objective."""
    features, targets = np.vstack([problem.features] * 2), np.concatenate([problem.targets] * 2)
    return _distance(problem, method.solve(features, targets, problem.penalty_strength), method.solve(*problem.data))


CHECKS: tuple[Callable[..., Check], ...] = (
    gradient_formula,
    hessian_formula,
    hessian_is_positive_definite,
    hessian_is_singular_without_penalty,
    gradient_is_zero_by_grad,
    gradient_is_zero_by_jacfwd,
    agrees_with_augmented_least_squares,
    general_penalty_agrees_with_least_squares,
    agrees_with_scikit_learn,
    many_targets_agree_with_one,
    path_agrees_with_single_strengths,
    vanishing_strength_gives_least_squares,
    infinite_strength_leaves_the_mean,
    shift_moves_only_the_intercept,
    penalised_intercept_breaks_the_shift,
    targets_scale_the_solution,
    features_scale_the_slopes,
    repeated_rows_change_nothing,
)


def applicable(problem: Problem) -> tuple[Callable[..., Check], ...]:
    """`CHECKS`, without the limit of vanishing strength where least squares has no one solution."""
    if full_rank(problem):
        return CHECKS
    return tuple(each for each in CHECKS if each is not vanishing_strength_gives_least_squares)


def run(problem: Problem, method: Method = OURS) -> list[Check]:
    """Every check that applies to `problem`."""
    return [each(problem, method) for each in applicable(problem)]
