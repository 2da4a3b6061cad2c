"""Ridge regression with an unpenalized intercept, in closed form.

Minimize over b = (b_0, b_1, ..., b_d)

    J(b) = (1/n) sum_i (z_i' b - y_i)^2 + lambda b' A b,    z_i = (1, x_i),

where A = diag(0, 1, ..., 1) leaves the intercept b_0 free. Setting the gradient to zero gives
(Z'Z/n + lambda A) b = Z'y/n. The derivation, line by line, is in derivations/ridge.typ.

Z = [1, X] is never formed, which would copy the features: its column of ones is implicit in sums. `objective`,
`gradient` and `hessian` are pure and keep the precision of their arguments; `ridge` and `ridge_path` validate their
arguments and compute in float64.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from math_checks.precision import EPS, in_float64

Array = jax.Array | np.ndarray

# Tolerated asymmetry and negative eigenvalues of a penalty, relative to its largest entry: enough for the round-off of
# a product such as D'D, and no more.
PENALTY_TOLERANCE = 1e-12

# Below this share, times d + 1, of the largest eigenvalue, the smallest one is rounding error: a few eps in each of
# d + 1 entries. The system is scaled to a unit diagonal.
SINGULAR_SHARE = 10 * EPS

# If the estimated condition number is this many times better, eigenvalues are not computed: they take longer than the
# rest of a small solution, and many times longer on busy cores.
CLEARLY_REGULAR = 1e3

LISTED = 8  # maximum number of columns in an error message


def intercept_free(num_features: int) -> jax.Array:
    """Make A = diag(0, 1, ..., 1), float (num_features + 1, num_features + 1)."""
    return jnp.diag(jnp.ones(num_features + 1).at[0].set(0.0))


def predict(coefficients: Array, features: Array) -> jax.Array:
    """Compute Zb (n,) from coefficients (d + 1,), intercept first, and features (n, d)."""
    return coefficients[0] + features @ coefficients[1:]


@jax.jit
def objective(
    coefficients: Array, features: Array, targets: Array, penalty_strength: float | Array, penalty: Array
) -> jax.Array:
    """Compute J(b), a scalar: the mean squared residual plus penalty_strength times b'Ab.

    Args:
        coefficients: float (d + 1,), the intercept first.
        features: float (n, d).
        targets: float (n,).
        penalty_strength: scalar, lambda >= 0.
        penalty: float (d + 1, d + 1), A.
    """
    residual = predict(coefficients, features) - targets
    return jnp.mean(residual**2) + penalty_strength * coefficients @ penalty @ coefficients


@jax.jit
def gradient(
    coefficients: Array, features: Array, targets: Array, penalty_strength: float | Array, penalty: Array
) -> jax.Array:
    """Compute (2/n) Z'(Zb - y) + 2 lambda A b, float (d + 1,); arguments as for `objective`."""
    residual = predict(coefficients, features) - targets
    fit = jnp.concatenate([residual.sum(keepdims=True), residual @ features]) / len(targets)
    return 2 * (fit + penalty_strength * penalty @ coefficients)


@jax.jit
def normal_matrix(features: Array) -> jax.Array:
    """Compute Z'Z/n, float (d + 1, d + 1), from features (n, d): 1, the column means, and X'X/n."""
    means = features.mean(axis=0)
    return jnp.block([[jnp.ones((1, 1)), means[None]], [means[:, None], features.T @ features / len(features)]])


@jax.jit
def hessian(features: Array, penalty_strength: float | Array, penalty: Array) -> jax.Array:
    """Compute 2 (Z'Z/n + lambda A), float (d + 1, d + 1); arguments as for `objective`."""
    return 2 * (normal_matrix(features) + penalty_strength * penalty)


@in_float64
def ridge(
    features: ArrayLike,
    targets: ArrayLike,
    penalty_strength: float,
    penalty: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> jax.Array:
    """Compute the b that minimizes (1/n)|Zb - y|^2 + lambda b'Ab.

    scikit-learn's `Ridge(alpha)` has no 1/n: it agrees for alpha = n * penalty_strength.

    Args:
        features: real, finite (n, d), n and d >= 1, without a column of ones.
        targets: real, finite (n,), or (n, k) for k regressions on the same features.
        penalty_strength: lambda >= 0, finite.
        penalty: A, real, symmetric, positive semi-definite (d + 1, d + 1), its first row and column for the intercept;
            by default `intercept_free(d)`.
        names: names of the d columns in error messages; by default their numbers.

    Returns:
        float64 (d + 1,) or (d + 1, k), the intercept first.

    Raises:
        UserError: if shapes do not match, values are not finite, the strength is negative, A is not symmetric positive
            semi-definite, or there is no unique solution.
    """
    return _solutions(features, targets, np.asarray([penalty_strength]), penalty, names)[0]


@in_float64
def ridge_path(
    features: ArrayLike, targets: ArrayLike, penalty_strengths: ArrayLike, penalty: ArrayLike | None = None
) -> jax.Array:
    """Compute `ridge` at each of `penalty_strengths` (m,): float64 (m, d + 1) or (m, d + 1, k)."""
    return _solutions(features, targets, penalty_strengths, penalty)


def _solutions(
    features: ArrayLike,
    targets: ArrayLike,
    strengths: ArrayLike,
    penalty: ArrayLike | None,
    names: Sequence[str] | None = None,
) -> jax.Array:
    features, targets = _finite("features", features), _finite("targets", targets)
    strengths = _finite("penalty_strength", strengths)
    _require_shapes(features, targets, strengths)
    num_columns = features.shape[1] + 1
    matrix = intercept_free(num_columns - 1) if penalty is None else jnp.asarray(_penalty(penalty, num_columns))

    on_device = jax.device_put(features)  # one copy; jnp.asarray briefly holds two
    normal = normal_matrix(on_device)
    # A is positive semi-definite: a system that is regular at the smallest strength is regular at larger ones.
    _require_regular(np.asarray(normal + strengths.min() * matrix), float(strengths.min()), names)
    return _solve_all(normal, on_device, jnp.asarray(targets), jnp.asarray(strengths), matrix)


@jax.jit
def _solve_all(
    normal: jax.Array, features: jax.Array, targets: jax.Array, strengths: jax.Array, penalty: jax.Array
) -> jax.Array:
    solve = partial(_solve, normal, features, penalty=penalty)
    if targets.ndim == 2:
        solve = jax.vmap(solve, in_axes=(1, None), out_axes=1)
    return jax.vmap(solve, in_axes=(None, 0))(targets, strengths)


def _solve(
    normal: jax.Array, features: jax.Array, targets: jax.Array, strength: jax.Array, *, penalty: jax.Array
) -> jax.Array:
    """Take two Newton steps from b = 0 on the quadratic J.

    The first is the closed form. The second, whose gradient uses the residuals instead of Z'Z, recovers the digits lost
    in forming Z'Z (the corrected normal equations of Bjorck, "Stability analysis of the method of seminormal
    equations", 1987).
    """
    system = normal + strength * penalty
    scale = 1 / jnp.sqrt(jnp.diag(system))  # gives a unit diagonal, so that the columns' units do not matter
    scaled_system = scale[:, None] * system * scale[None, :]

    def newton_step(b: jax.Array) -> jax.Array:
        return b - scale * jnp.linalg.solve(
            scaled_system, scale * gradient(b, features, targets, strength, penalty) / 2
        )

    return newton_step(newton_step(jnp.zeros(len(system))))


def _finite(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise UserError(f"{name} must be real numbers, not {array.dtype}: convert them first")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UserError(f"{name}{list(where)} is {array[where]}: remove or replace values that are not finite")
    return array


def _require_shapes(features: np.ndarray, targets: np.ndarray, strengths: np.ndarray) -> None:
    if features.ndim != 2 or 0 in features.shape:
        raise UserError(f"features must be (rows, columns) with at least one of each, not {features.shape}")
    if targets.ndim not in (1, 2) or len(targets) != len(features) or 0 in targets.shape:
        raise UserError(f"targets must be ({len(features)},) or ({len(features)}, k) as features, not {targets.shape}")
    if strengths.ndim != 1 or 0 in strengths.shape:
        raise UserError(f"penalty_strength must be one number, or a list of them for a path, not {strengths.shape}")
    if (strengths < 0).any():
        raise UserError(f"penalty_strength must be 0 or more, not {strengths.min():g}")


def _penalty(penalty: ArrayLike, num_columns: int) -> np.ndarray:
    matrix = _finite("penalty", penalty)
    if matrix.shape != (num_columns, num_columns):
        raise UserError(f"penalty must be {(num_columns, num_columns)}, intercept first, not {matrix.shape}")
    allowed = PENALTY_TOLERANCE * np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > allowed:
        raise UserError("penalty must be symmetric: use (A + A') / 2, which has the same b'Ab")
    smallest = np.linalg.eigvalsh(matrix).min()
    if smallest < -allowed * num_columns:
        raise UserError(f"penalty must be positive semi-definite, but has the eigenvalue {smallest:.3g}")
    return matrix


def unit_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Scale a symmetric matrix to a unit diagonal, except for zero rows, so that its eigenvalues have no units."""
    diagonal = np.diag(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return scale[:, None] * matrix * scale[None, :]


def _inverse_condition(matrix: np.ndarray) -> float:
    """Estimate 1 / (|M|_1 |M^-1|_1) of a symmetric M by LAPACK; 0 if it is not positive definite."""
    factorize, estimate = scipy.linalg.get_lapack_funcs(("potrf", "pocon"), (matrix,))
    factor, failed = factorize(matrix)
    return 0.0 if failed else float(estimate(factor, np.abs(matrix).sum(axis=0).max())[0])


def _require_regular(system: np.ndarray, strength: float, names: Sequence[str] | None) -> None:
    if not np.isfinite(system).all():
        raise UserError("the features' squares, or penalty_strength, overflow float64: divide the large ones")
    scaled = unit_diagonal(system)
    least = SINGULAR_SHARE * len(system)
    if _inverse_condition(scaled) > CLEARLY_REGULAR * least:
        return
    eigenvalues, vectors = np.linalg.eigh(scaled)
    if eigenvalues[0] > least * eigenvalues[-1]:
        return
    weights = np.abs(vectors[:, 0])
    involved = np.flatnonzero(weights > 0.1 * weights.max())
    listed = [_name(int(i), names) for i in involved[:LISTED]] + ["others"] * (len(involved) > LISTED)
    what = f"{', '.join(listed)} are linearly dependent"
    if len(involved) == 1:
        what = f"{listed[0]} is zero or a linear combination of others"
    raise UserError(
        f"no unique solution at penalty_strength {strength:g}: {what}; raise penalty_strength or drop a column"
    )


def _name(index: int, names: Sequence[str] | None) -> str:
    """Return the name of a coefficient for error messages."""
    if index == 0:
        return "the intercept"
    return f"column {index - 1}" if names is None else f"column {names[index - 1]!r}"
