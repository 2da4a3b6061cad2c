"""Foundations of the ridge checks: a problem, the method under test, and errors without units."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from math_checks import ridge as closed_form
from math_checks.precision import EPS
from math_checks.ridge import unit_diagonal

LEAST_SQUARES_SHARE = 1e-10  # leaves six of float64's sixteen digits


class Problem(NamedTuple):
    """Data of the checks: finite float64 features (n, d) without a constant column, and targets (n,)."""

    name: str
    features: np.ndarray
    targets: np.ndarray
    penalty_strength: float  # above 0

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Arguments that every solver takes."""
        return self.features, self.targets, self.penalty_strength

    @property
    def penalty(self) -> np.ndarray:
        """Penalty matrix A = diag(0, 1, ..., 1)."""
        return np.diag([0.0] + [1.0] * self.features.shape[1])

    @property
    def design(self) -> np.ndarray:
        """Design matrix Z = [1, X], (n, d + 1), formed without the method under test."""
        return np.column_stack([np.ones(len(self.features)), self.features])

    @property
    def repeated(self) -> "Problem":
        """Problem with every column repeated, whose solution is not unique without a penalty."""
        return self._replace(features=np.hstack([self.features] * 2))


class Method(NamedTuple):
    """Functions under test, with the signatures in `ridge.py`."""

    objective: Callable = closed_form.objective
    solve: Callable = closed_form.ridge
    path: Callable = closed_form.ridge_path
    gradient: Callable = closed_form.gradient
    hessian: Callable = closed_form.hessian


OURS = Method()


def smallest_share(matrix: np.ndarray) -> float:
    """Compute the ratio of smallest to largest eigenvalue of a symmetric matrix, scaled to a unit diagonal."""
    eigenvalues = np.linalg.eigvalsh(unit_diagonal(np.asarray(matrix)))
    return float(eigenvalues[0] / eigenvalues[-1])


def condition(problem: Problem) -> float:
    """Compute the condition number of the system, scaled to a unit diagonal."""
    Z = problem.design
    return 1 / smallest_share(Z.T @ Z / len(Z) + problem.penalty_strength * problem.penalty)


def full_rank(problem: Problem) -> bool:
    """Return True if least squares, the limit of vanishing strength, has a unique solution to six digits or more."""
    return smallest_share(problem.design.T @ problem.design) > LEAST_SQUARES_SHARE


def distance(problem: Problem, b: np.ndarray, c: np.ndarray) -> float:
    """Compute the largest difference in a column's contribution to the fit, relative to the targets."""
    columns = np.sqrt(np.mean(problem.design**2, axis=0))
    return float(np.max(np.abs(b - c) * columns) / np.sqrt(np.mean(problem.targets**2)))


def relative_gradient(problem: Problem, gradient: jax.Array, b: np.ndarray) -> float:
    """Compute the gradient's largest entry relative to the terms that cancel in it."""
    Z = np.abs(problem.design)
    terms = Z.T @ (Z @ np.abs(b) + np.abs(problem.targets)) / len(Z)
    return float(np.max(np.abs(gradient) / (2 * (terms + problem.penalty_strength * problem.penalty @ np.abs(b)))))


def augmented_least_squares(problem: Problem, penalty: np.ndarray) -> np.ndarray:
    """Minimize |Zb - y|^2 + n lambda |Rb|^2, A = R'R, by orthogonal factorization: float64 (d + 1,)."""
    eigenvalues, vectors = np.linalg.eigh(penalty)
    root = np.sqrt(np.maximum(eigenvalues, 0.0))[:, None] * vectors.T
    rows = np.vstack([problem.design, np.sqrt(len(problem.features) * problem.penalty_strength) * root])
    lengths = np.linalg.norm(rows, axis=0)
    targets = np.concatenate([problem.targets, np.zeros(len(root))])
    solution, *_ = np.linalg.lstsq(rows / lengths, targets, rcond=EPS)
    return solution / lengths


AGREEMENT_REASON = "1e-10, or for ill-conditioned systems 64 eps x condition, by which two solvers may differ"
IDENTITY_BOUND = 1e-12
IDENTITY_REASON = "1e-12, or for ill-conditioned systems eps x condition, the error from rounding the data"


def agreement_bound(problem: Problem) -> float:
    """Compute the bound that AGREEMENT_REASON explains."""
    return max(1e-10, 64 * EPS * condition(problem))


def identity_bound(problem: Problem) -> float:
    """Compute the bound that IDENTITY_REASON explains."""
    return max(IDENTITY_BOUND, EPS * condition(problem))
