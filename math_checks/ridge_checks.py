"""Checks of a ridge solution, each with its measured residual.

A check takes a `Problem` and the `Method` under test, which is an argument so that a wrong one (a penalized intercept,
a missing 1/n) can be shown to fail.
"""

from collections.abc import Callable

import jax
import numpy as np
from sklearn.linear_model import Ridge

from math_checks import ridge as closed_form
from math_checks.check import Check, check
from math_checks.ridge_laws import LAWS, NEED_LEAST_SQUARES
from math_checks.ridge_problem import (
    AGREEMENT_REASON,
    OURS,
    Method,
    Problem,
    agreement_bound,
    augmented_least_squares,
    distance,
    full_rank,
    relative_gradient,
    smallest_share,
)

# Compiled as one program each: without jit, a derivative takes about thirty.
gradient_by_grad = jax.jit(jax.grad(closed_form.objective))
gradient_by_jacfwd = jax.jit(jax.jacfwd(closed_form.objective))
hessian_by_jax = jax.jit(jax.hessian(closed_form.objective))

GRADIENT_BOUND = 1e-10
GRADIENT_REASON = "the rounding error of a sum of n terms is at most n eps of their size: 2e-11 at n = 100 000"
DERIVATIVE_BOUND = 1e-12
DERIVATIVE_REASON = "both sides are the same sums in different orders: some hundred eps"
DEFINITE_BOUND = 1e-13
DEFINITE_REASON = "450 eps: well above the few eps of an eigenvalue's error, so that its sign is certain"
SINGULAR_BOUND = 1e-13
SINGULAR_REASON = "an eigenvalue of a matrix with unit diagonal has an error of some ten eps"


@check(GRADIENT_BOUND, GRADIENT_REASON)
def gradient_is_zero_by_grad(problem: Problem, method: Method = OURS) -> float:
    """jax.grad of the objective vanishes at the solution."""
    b = method.solve(*problem.data)
    return relative_gradient(problem, gradient_by_grad(b, *problem.data, problem.penalty), b)


@check(GRADIENT_BOUND, GRADIENT_REASON)
def gradient_is_zero_by_jacfwd(problem: Problem, method: Method = OURS) -> float:
    """jax.jacfwd of the objective vanishes at the solution."""
    b = method.solve(*problem.data)
    return relative_gradient(problem, gradient_by_jacfwd(b, *problem.data, problem.penalty), b)


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def objective_multiplied_out(problem: Problem, method: Method = OURS) -> float:
    """J(b) is (b'Z'Zb - 2 y'Zb + y'y) / n + lambda b'Ab, at b = (1, ..., 1)."""
    Z, y, b = problem.design, problem.targets, np.ones(problem.features.shape[1] + 1)
    squares = (b @ (Z.T @ Z) @ b + y @ y) / len(y) + problem.penalty_strength * b @ problem.penalty @ b
    found = method.objective(b, *problem.data, problem.penalty)
    return float(abs(found - (squares - 2 * y @ Z @ b / len(y))) / squares)


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def gradient_formula(problem: Problem, method: Method = OURS) -> float:
    """(2/n) Z'(Zb - y) + 2 lambda A b is the derivative of the objective, at b = (1, ..., 1)."""
    b = np.ones(problem.features.shape[1] + 1)
    derivative = gradient_by_jacfwd(b, *problem.data, problem.penalty)
    return relative_gradient(problem, method.gradient(b, *problem.data, problem.penalty) - derivative, b)


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def hessian_formula(problem: Problem, method: Method = OURS) -> float:
    """2 (Z'Z/n + lambda A) is the second derivative of the objective."""
    b = np.zeros(problem.features.shape[1] + 1)
    derivative = np.asarray(hessian_by_jax(b, *problem.data, problem.penalty))
    formula = method.hessian(problem.features, problem.penalty_strength, problem.penalty)
    scale = np.sqrt(np.diag(derivative))
    return float(np.max(np.abs(derivative - formula) / np.outer(scale, scale)))


@check(DERIVATIVE_BOUND, DERIVATIVE_REASON)
def objective_grows_by_the_hessian(problem: Problem, method: Method = OURS) -> float:
    """J(b + v) = J(b) + v'Hv / 2 at the solution b, for v = (|b|_1, ..., |b|_1): the only minimum."""
    b = method.solve(*problem.data)
    v = np.full_like(b, np.abs(b).sum())
    here, there = (method.objective(at, *problem.data, problem.penalty) for at in (b, b + v))
    growth = v @ np.asarray(method.hessian(problem.features, problem.penalty_strength, problem.penalty)) @ v / 2
    return float(abs(there - here - growth) / there)


@check(DEFINITE_BOUND, DEFINITE_REASON, relation=">=")
def hessian_is_positive_definite(problem: Problem, method: Method = OURS) -> float:
    """With lambda = 1 the Hessian is positive definite, even where every column is repeated."""
    twice = problem.repeated
    return smallest_share(method.hessian(twice.features, 1.0, twice.penalty))


@check(SINGULAR_BOUND, SINGULAR_REASON)
def hessian_is_singular_without_penalty(problem: Problem, method: Method = OURS) -> float:
    """With lambda = 0 and repeated columns the Hessian is singular: their coefficients are not unique."""
    twice = problem.repeated
    return abs(smallest_share(method.hessian(twice.features, 0.0, twice.penalty)))


@check(agreement_bound, AGREEMENT_REASON)
def agrees_with_scikit_learn(problem: Problem, method: Method = OURS) -> float:
    """scikit-learn's Ridge(alpha = n lambda) finds the same coefficients."""
    alpha = len(problem.features) * problem.penalty_strength
    peer = Ridge(alpha=alpha, solver="cholesky").fit(problem.features, problem.targets)
    return distance(problem, method.solve(*problem.data), np.concatenate([[peer.intercept_], peer.coef_]))


@check(agreement_bound, AGREEMENT_REASON)
def agrees_with_augmented_least_squares(problem: Problem, method: Method = OURS) -> float:
    """Least squares on [Z; sqrt(n lambda A)] and [y; 0], by orthogonal factorization, finds the same coefficients."""
    return distance(problem, method.solve(*problem.data), augmented_least_squares(problem, problem.penalty))


@check(agreement_bound, AGREEMENT_REASON)
def general_penalty_agrees_with_least_squares(problem: Problem, method: Method = OURS) -> float:
    """The same holds with A = D'D + I, where D takes differences of neighboring slopes."""
    num_slopes = problem.features.shape[1]
    roots = np.eye(num_slopes) - np.eye(num_slopes, k=1)
    penalty = np.zeros_like(problem.penalty)
    penalty[1:, 1:] = np.eye(num_slopes) + roots.T @ roots
    return distance(problem, method.solve(*problem.data, penalty), augmented_least_squares(problem, penalty))


@check(agreement_bound, AGREEMENT_REASON)
def many_targets_agree_with_one(problem: Problem, method: Method = OURS) -> float:
    """Solving for y and its square at once, by vmap, equals solving for each."""
    targets = np.column_stack([problem.targets, problem.targets**2 / np.abs(problem.targets).max()])
    together = method.solve(problem.features, targets, problem.penalty_strength)
    alone = [method.solve(problem.features, column, problem.penalty_strength) for column in targets.T]
    return max(distance(problem, together[:, i], alone[i]) for i in range(2))


@check(agreement_bound, AGREEMENT_REASON)
def path_agrees_with_single_strengths(problem: Problem, method: Method = OURS) -> float:
    """A path over strengths, by vmap, equals a solution at each."""
    strengths = problem.penalty_strength * np.array([1.0, 10.0, 100.0])
    path = method.path(problem.features, problem.targets, strengths)
    alone = [method.solve(problem.features, problem.targets, strength) for strength in strengths]
    return max(distance(problem, b, c) for b, c in zip(path, alone, strict=True))


CHECKS: tuple[Callable[..., Check], ...] = (
    objective_multiplied_out,
    gradient_formula,
    hessian_formula,
    hessian_is_positive_definite,
    hessian_is_singular_without_penalty,
    gradient_is_zero_by_grad,
    gradient_is_zero_by_jacfwd,
    objective_grows_by_the_hessian,
    agrees_with_augmented_least_squares,
    general_penalty_agrees_with_least_squares,
    agrees_with_scikit_learn,
    many_targets_agree_with_one,
    path_agrees_with_single_strengths,
    *LAWS,
)


def applicable(problem: Problem) -> tuple[Callable[..., Check], ...]:
    """Select the checks that apply: those of least squares need a unique solution."""
    return CHECKS if full_rank(problem) else tuple(each for each in CHECKS if each not in NEED_LEAST_SQUARES)


def run(problem: Problem, method: Method = OURS) -> list[Check]:
    """Run all checks that apply to `problem`."""
    return [each(problem, method) for each in applicable(problem)]
