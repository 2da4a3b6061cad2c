"""Laws of a ridge solution: its limits as the strength goes to 0 or infinity, and how it scales with the data."""

import numpy as np

from math_checks.check import check
from math_checks.ridge_problem import (
    AGREEMENT_REASON,
    IDENTITY_BOUND,
    IDENTITY_REASON,
    OURS,
    Method,
    Problem,
    agreement_bound,
    augmented_least_squares,
    distance,
    identity_bound,
)

LIMIT_BOUND = 1e-12
LIMIT_REASON = "at lambda = 1e14 mean |x|^2 the slopes explain 1e-14 of y's standard deviation (Cauchy and Schwarz)"
RATE_BOUND = 0.05
RATE_REASON = (
    "the expansion's second term, at most a hundredth of its first, changes the slope by 0.01 / log 100 = 0.002; "
    "the rest is margin for a least-squares solution known to six digits"
)
LOST_BOUND = 0.499
LOST_REASON = "at least lambda / (1 + lambda) of c is lost, 1/2 at lambda = 1; a thousandth is margin for rounding"


@check(agreement_bound, AGREEMENT_REASON)
def penalty_draws_away_from_least_squares(problem: Problem, method: Method = OURS) -> float:
    """(Z'Z/n + lambda A) (b - b0) = -lambda A b0, where b0 is the least-squares solution."""
    least_squares = augmented_least_squares(problem._replace(penalty_strength=0.0), problem.penalty)
    system = np.asarray(method.hessian(problem.features, problem.penalty_strength, problem.penalty)) / 2
    drawn = np.linalg.solve(system, problem.penalty_strength * problem.penalty @ least_squares)
    return distance(problem, method.solve(*problem.data), least_squares - drawn)


@check(RATE_BOUND, RATE_REASON)
def vanishing_strength_gives_least_squares(problem: Problem, method: Method = OURS) -> float:
    """As lambda goes to 0, the distance to least squares is proportional to lambda: slope 1 on logarithmic axes."""
    centered = problem.features - problem.features.mean(axis=0)
    smallest = np.linalg.svd(centered, compute_uv=False)[-1] ** 2 / len(centered)
    strengths = smallest * np.array([1e-2, 1e-3, 1e-4])
    least_squares = augmented_least_squares(problem._replace(penalty_strength=0.0), problem.penalty)
    path = method.path(problem.features, problem.targets, strengths)
    if distance(problem, least_squares, np.eye(len(least_squares))[0] * problem.targets.mean()) < IDENTITY_BOUND:
        # All slopes are 0: every strength gives the same solution, and there is no rate to measure.
        return max(distance(problem, b, least_squares) for b in path)
    distances = [distance(problem, b, least_squares) for b in path]
    return float(abs(np.polyfit(np.log(strengths), np.log(distances), 1)[0] - 1))


@check(LIMIT_BOUND, LIMIT_REASON)
def infinite_strength_leaves_the_mean(problem: Problem, method: Method = OURS) -> float:
    """As lambda goes to infinity, the slopes go to 0 and the intercept to the mean of y."""
    b = method.solve(problem.features, problem.targets, 1e14 * np.mean(problem.features**2, axis=0).sum())
    limit = np.zeros_like(b)
    limit[0] = problem.targets.mean()
    return distance(problem, b, limit)


def _shift_error(problem: Problem, penalty: np.ndarray, method: Method) -> float:
    shift = np.sqrt(np.mean(problem.targets**2))
    moved = method.solve(problem.features, problem.targets + shift, problem.penalty_strength, penalty)
    expected = method.solve(*problem.data, penalty)
    expected[0] += shift
    return distance(problem, moved, expected)


@check(identity_bound, IDENTITY_REASON)
def shift_moves_only_the_intercept(problem: Problem, method: Method = OURS) -> float:
    """y + c gives b + (c, 0, ..., 0)."""
    return _shift_error(problem, problem.penalty, method)


@check(LOST_BOUND, LOST_REASON, relation=">=")
def penalised_intercept_breaks_the_shift(problem: Problem, method: Method = OURS) -> float:
    """With A = I, which penalizes the intercept too, the intercept moves by at most half of c at lambda = 1."""
    return _shift_error(problem._replace(penalty_strength=1.0), np.eye(len(problem.penalty)), method)


@check(identity_bound, IDENTITY_REASON)
def targets_scale_the_solution(problem: Problem, method: Method = OURS) -> float:
    """3y gives 3b."""
    tripled = method.solve(problem.features, 3 * problem.targets, problem.penalty_strength)
    return distance(problem, tripled / 3, method.solve(*problem.data))


@check(identity_bound, IDENTITY_REASON)
def features_scale_the_slopes(problem: Problem, method: Method = OURS) -> float:
    """3X with 9 lambda gives the slopes divided by 3 and the same intercept."""
    scaled = method.solve(3 * problem.features, problem.targets, 9 * problem.penalty_strength)
    scaled[1:] *= 3
    return distance(problem, scaled, method.solve(*problem.data))


@check(identity_bound, IDENTITY_REASON)
def repeated_rows_change_nothing(problem: Problem, method: Method = OURS) -> float:
    """Repeating every row gives the same b, because of the objective's 1/n."""
    features, targets = np.vstack([problem.features] * 2), np.concatenate([problem.targets] * 2)
    return distance(problem, method.solve(features, targets, problem.penalty_strength), method.solve(*problem.data))


LAWS = (
    penalty_draws_away_from_least_squares,
    vanishing_strength_gives_least_squares,
    infinite_strength_leaves_the_mean,
    shift_moves_only_the_intercept,
    penalised_intercept_breaks_the_shift,
    targets_scale_the_solution,
    features_scale_the_slopes,
    repeated_rows_change_nothing,
)
# Skipped if least squares has no unique solution to compare with.
NEED_LEAST_SQUARES = (penalty_draws_away_from_least_squares, vanishing_strength_gives_least_squares)
