"""Ridge regression with an unpenalised intercept, in closed form.

Minimise over b = (b_0, b_1, ..., b_d)

    J(b) = (1/n) sum_i (z_i' b - y_i)^2 + lambda b' A b,    z_i = (1, x_i),

where A = diag(0, 1, ..., 1) leaves the intercept b_0 free. Setting the gradient to zero gives
(Z'Z/n + lambda A) b = Z'y/n. The derivation, line by line, is in derivations/ridge.typ.

Z = [1, X] is never formed: its column of ones enters through sums, so that the features are not
copied. `objective`, `gradient` and `hessian` are pure and keep the precision of their arguments;
`ridge` and `ridge_path` check theirs and compute in float64.
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

# How far a penalty may be from symmetric or from positive semi-definite, relative to its largest
# entry: room for the rounding of a product such as D'D, and for nothing else.
PENALTY_TOLERANCE = 1e-12

# Below this share of the largest eigenvalue (with the system scaled to a unit diagonal) the
# smallest one is rounding error: entries carry a few eps each, and d + 1 of them add up.
SINGULAR_SHARE = 10 * EPS

# An estimated condition this many times better needs no eigenvalues to be believed: they take longer
# than the rest of a small solution, and many times longer where other programs keep the cores busy.
CLEARLY_REGULAR = 1e3

LISTED = 8  # columns that an error names before it says "others"


def intercept_free(num_features: int) -> jax.Array:
    """A = diag(0, 1, ..., 1), float (num_features + 1, num_features + 1)."""
    return jnp.diag(jnp.ones(num_features + 1).at[0].set(0.0))


def predict(coefficients: Array, features: Array) -> jax.Array:
    """Zb: (n,) from coefficients (d + 1,), intercept first, and features (n, d)."""
    return coefficients[0] + features @ coefficients[1:]


@jax.jit
def objective(
    coefficients: Array, features: Array, targets: Array, penalty_strength: float | Array, penalty: Array
) -> jax.Array:
    """J(b), a scalar: the mean squared residual plus penalty_strength times b'Ab.

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
    """(2/n) Z'(Zb - y) + 2 lambda A b, float (d + 1,); arguments as for `objective`."""
    residual = predict(coefficients, features) - targets
    fit = jnp.concatenate([residual.sum(keepdims=True), residual @ features]) / len(targets)
    return 2 * (fit + penalty_strength * penalty @ coefficients)


@jax.jit
def normal_matrix(features: Array) -> jax.Array:
    """Z'Z/n, float (d + 1, d + 1), from features (n, d): a one, the columns' means, and X'X/n."""
    means = features.mean(axis=0)
    return jnp.block([[jnp.ones((1, 1)), means[None]], [means[:, None], features.T @ features / len(features)]])


@jax.jit
def hessian(features: Array, penalty_strength: float | Array, penalty: Array) -> jax.Array:
    """2 (Z'Z/n + lambda A), float (d + 1, d + 1); arguments as for `objective`."""
    return 2 * (normal_matrix(features) + penalty_strength * penalty)


@in_float64
def ridge(
    features: ArrayLike,
    targets: ArrayLike,
    penalty_strength: float,
    penalty: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> jax.Array:
    """The b that minimises (1/n)|Zb - y|^2 + lambda b'Ab.

    scikit-learn's `Ridge(alpha)` has no 1/n: it is this one with alpha = n * penalty_strength.

    Args:
        features: real, finite (n, d), n and d >= 1, without a column of ones.
        targets: real, finite (n,), or (n, k) for k regressions on the same features.
        penalty_strength: lambda >= 0, finite.
        penalty: A, real, symmetric, positive semi-definite (d + 1, d + 1), its first row and column
            the intercept's; `intercept_free(d)` where not given.
        names: what an error calls the d columns of features; by their numbers where not given.

    Returns:
        float64 (d + 1,) or (d + 1, k), the intercept first.

    Raises:
        UserError: shapes that do not match, values that are not finite, a negative strength, an A
            that is not symmetric positive semi-definite, a system without a unique solution.
    """
    return _solutions(features, targets, np.asarray([penalty_strength]), penalty, names)[0]


@in_float64
def ridge_path(
    features: ArrayLike, targets: ArrayLike, penalty_strengths: ArrayLike, penalty: ArrayLike | None = None
) -> jax.Array:
    """`ridge` at each of `penalty_strengths` (m,): float64 (m, d + 1) or (m, d + 1, k)."""
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

    on_device = jax.device_put(features)  # one copy; jnp.asarray holds two for a moment
    normal = normal_matrix(on_device)
    # A is positive semi-definite: what the smallest strength leaves regular, every larger one does.
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
    """Two Newton steps from b = 0 on the quadratic J.

    The first is the closed form itself. The second, whose gradient comes from the residuals and not
    from Z'Z, takes back the digits that forming Z'Z cost (the corrected normal equations of
    Bjorck, "Stability analysis of the method of seminormal equations", 1987).
    """
    system = normal + strength * penalty
    scale = 1 / jnp.sqrt(jnp.diag(system))  # a unit diagonal: the columns' units must not matter
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
        raise UserError(f"{name}{list(where)} is {array[where]}: remove or fill in what is not finite")
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
    """A symmetric matrix scaled to a unit diagonal, zero rows left as they are: its spectrum has no units."""
    diagonal = np.diag(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return scale[:, None] * matrix * scale[None, :]


def _inverse_condition(matrix: np.ndarray) -> float:
    """LAPACK's estimate of 1 / (|M|_1 |M^-1|_1) for symmetric M; 0 where it is not positive definite."""
    factorise, estimate = scipy.linalg.get_lapack_funcs(("potrf", "pocon"), (matrix,))
    factor, failed = factorise(matrix)
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
    what = f"{', '.join(listed)} depend on each other linearly"
    if len(involved) == 1:
        what = f"{listed[0]} is 0 throughout, or depends on others linearly"
    raise UserError(
        f"no unique solution at penalty_strength {strength:g}: {what}; raise penalty_strength or drop a column"
    )


def _name(index: int, names: Sequence[str] | None) -> str:
    """Make the name of a coefficient that a user knows."""
    if index == 0:
        return "the intercept"
    return f"column {index - 1}" if names is None else f"column {names[index - 1]!r}"
