"""Every check of ridge regression passes on correct methods and fails on a planted bug."""

from collections.abc import Callable

import numpy as np
import pytest

from math_checks import ridge_checks as checks
from math_checks import ridge_laws as laws
from math_checks.ridge import gradient, hessian, objective, ridge, ridge_path
from math_checks.ridge_problem import Method, Problem
from math_checks.tables import diabetes

STRENGTH = 0.1


@pytest.fixture(scope="module")
def problem() -> Problem:
    table = diabetes()
    return Problem(table.name, table.features / table.features.std(axis=0), table.targets, STRENGTH)


def penalized_intercept(X, y, strength, penalty=None):
    return ridge(X, y, strength, np.eye(X.shape[1] + 1) if penalty is None else penalty)


def missing_one_over_n(X, y, strength, penalty=None):
    return ridge(X, y, strength / len(X), penalty)


def penalty_ignored(X, y, strength, penalty=None):
    return ridge(X, y, strength)


def strength_capped(X, y, strength, penalty=None):
    return ridge(X, y, min(strength, 1e3), penalty)


def intercept_off_by_one(X, y, strength, penalty=None):
    return ridge(X, y, strength, penalty) + np.eye(X.shape[1] + 1)[0]


def strength_in_units_of_the_features(X, y, strength, penalty=None):
    return ridge(X, y, strength * X.var(), penalty)


def targets_reversed(X, y, strength, penalty=None):
    return ridge(X, y, strength, penalty)[..., ::-1] if y.ndim == 2 else ridge(X, y, strength, penalty)


def summed(b, X, y, strength, penalty):
    return objective(b, X, y, strength / len(y), penalty) * len(y)


def without_the_penalty(b, X, y, strength, penalty):
    return gradient(b, X, y, 0.0, penalty)


def half_the_penalty(X, strength, penalty):
    return hessian(X, strength / 2, penalty)


def no_penalty(X, strength, penalty):
    return hessian(X, 0.0, penalty)


def always_a_little_penalty(X, strength, penalty):
    return hessian(X, strength + 1e-6, penalty)


def strengths_squared(X, y, strengths, penalty=None):
    return ridge_path(X, y, strengths**2, penalty)


def strengths_to_a_lesser_power(X, y, strengths, penalty=None):
    return ridge_path(X, y, strengths**0.9, penalty)


PLANTED = [
    (laws.vanishing_strength_gives_least_squares, Method(path=strengths_to_a_lesser_power)),
    (checks.objective_multiplied_out, Method(objective=summed)),
    (checks.gradient_formula, Method(gradient=without_the_penalty)),
    (checks.hessian_formula, Method(hessian=half_the_penalty)),
    (checks.hessian_is_positive_definite, Method(hessian=no_penalty)),
    (checks.hessian_is_singular_without_penalty, Method(hessian=always_a_little_penalty)),
    (checks.gradient_is_zero_by_grad, Method(solve=missing_one_over_n)),
    (checks.gradient_is_zero_by_grad, Method(solve=penalized_intercept)),
    (checks.gradient_is_zero_by_jacfwd, Method(solve=missing_one_over_n)),
    (checks.objective_grows_by_the_hessian, Method(solve=missing_one_over_n)),
    (checks.objective_grows_by_the_hessian, Method(hessian=half_the_penalty)),
    (checks.agrees_with_augmented_least_squares, Method(solve=missing_one_over_n)),
    (checks.agrees_with_augmented_least_squares, Method(solve=penalized_intercept)),
    (checks.general_penalty_agrees_with_least_squares, Method(solve=penalty_ignored)),
    (checks.agrees_with_scikit_learn, Method(solve=missing_one_over_n)),
    (checks.agrees_with_scikit_learn, Method(solve=penalized_intercept)),
    (checks.many_targets_agree_with_one, Method(solve=targets_reversed)),
    (checks.path_agrees_with_single_strengths, Method(path=strengths_squared)),
    (laws.penalty_draws_away_from_least_squares, Method(solve=missing_one_over_n)),
    (laws.vanishing_strength_gives_least_squares, Method(path=strengths_squared)),
    (laws.infinite_strength_leaves_the_mean, Method(solve=strength_capped)),
    (laws.infinite_strength_leaves_the_mean, Method(solve=penalized_intercept)),
    (laws.shift_moves_only_the_intercept, Method(solve=lambda X, y, s, A=None: penalized_intercept(X, y, s))),
    (laws.penalised_intercept_breaks_the_shift, Method(solve=penalty_ignored)),
    (laws.targets_scale_the_solution, Method(solve=intercept_off_by_one)),
    (laws.features_scale_the_slopes, Method(solve=strength_in_units_of_the_features)),
    (laws.repeated_rows_change_nothing, Method(solve=missing_one_over_n)),
]


def test_every_check_passes(problem: Problem) -> None:
    found = checks.run(problem)
    assert [check.name for check in found] == [check.__name__ for check in checks.CHECKS]
    assert [check.name for check in found if not check.passed] == []


@pytest.mark.parametrize(("check", "method"), PLANTED)
def test_planted_bug_is_caught(problem: Problem, check: Callable, method: Method) -> None:
    assert not check(problem, method).passed


def test_every_check_has_a_planted_bug() -> None:
    assert {check for check, _ in PLANTED} == set(checks.CHECKS)


def test_collinear_features_skip_the_checks_that_need_least_squares(problem: Problem) -> None:
    collinear = problem._replace(features=np.column_stack([problem.features[:, :3], problem.features[:, 0]]))
    found = checks.run(collinear)
    left_out = {check.__name__ for check in laws.NEED_LEAST_SQUARES}
    assert left_out == {check.__name__ for check in checks.CHECKS} - {check.name for check in found}
    assert all(check.passed for check in found)


@pytest.mark.parametrize(
    ("features", "targets"),
    [
        (np.array([[1e5, 1.0], [1e5 + 1, 3.0], [1e5 + 2, -1.0], [1e5 + 3, 1.0]]), np.array([1.0, 2.0, 4.0, 3.0])),
        (np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]), np.array([1.0, -1.0, -1.0, 1.0])),
        (np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([1.0, 2.0])),
    ],
    ids=["a mean of 1e5 deviations", "no slopes in least squares", "fewer rows than coefficients"],
)
def test_every_check_passes_on_unusual_data(features: np.ndarray, targets: np.ndarray) -> None:
    found = checks.run(Problem("unusual", features / features.std(axis=0), targets, STRENGTH))
    assert [check for check in found if not check.passed] == []


def test_a_residual_that_is_not_a_number_fails(problem: Problem) -> None:
    nowhere = Method(solve=lambda *_: np.full(problem.features.shape[1] + 1, np.nan))
    assert not checks.gradient_is_zero_by_grad(problem, nowhere).passed
    assert not laws.penalised_intercept_breaks_the_shift(problem, nowhere).passed


@pytest.mark.parametrize(
    ("check", "least"),
    [
        # Relative errors in each check's own units; a digit more where the checked sum loses one.
        (checks.objective_multiplied_out, 1e-10),
        (checks.gradient_formula, 1e-10),
        (checks.hessian_formula, 1e-10),
        (checks.hessian_is_singular_without_penalty, 1e-10),
        (checks.gradient_is_zero_by_grad, 1e-8),
        (checks.gradient_is_zero_by_jacfwd, 1e-8),
        (checks.objective_grows_by_the_hessian, 1e-10),
        (checks.agrees_with_augmented_least_squares, 1e-8),
        (checks.general_penalty_agrees_with_least_squares, 1e-8),
        (checks.agrees_with_scikit_learn, 1e-8),
        (checks.path_agrees_with_single_strengths, 1e-8),
        (laws.penalty_draws_away_from_least_squares, 1e-8),
        (laws.infinite_strength_leaves_the_mean, 1e-10),
        (laws.shift_moves_only_the_intercept, 1e-8),
    ],
)
def test_a_bug_in_the_last_digits_is_caught(problem: Problem, check: Callable, least: float) -> None:
    assert not check(problem, scaled(1 + least)).passed


def scaled(factor: float) -> Method:
    """Scale every function except the path; the Hessian on its diagonal only, so that none stays singular."""
    return Method(
        objective=lambda *a: objective(*a) * factor,
        solve=lambda *a: ridge(*a) * factor,
        gradient=lambda *a: gradient(*a) * factor,
        hessian=lambda *a: hessian(*a) + (factor - 1) * np.diag(np.diag(hessian(*a))),
    )
