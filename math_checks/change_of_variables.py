"""Change of variables for any differentiable, invertible map, with its Jacobian by `jax.jacfwd`.

For U = f(X) with f invertible and differentiable,

    p_U(u) = p_X(f^-1(u)) |det d f^-1 / du|,    p_X(x) = p_U(f(x)) |det df/dx|,

the identity behind normalizing flows. The derivation is in derivations/change_of_variables.typ.

A map takes one point (d,) to one point (d,). The functions here take a point (d,) or a batch (n, d), and compute in
float64. They raise an error at a point where the map is singular, except under jit, vmap or grad, where there are no
numbers to inspect: log|det| is -inf at such a point.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from gan_jax.errors import UserError
from math_checks.precision import EPS, in_float64, is_traced

PointMap = Callable[[Any], jax.Array]  # (d,) -> (d,)
PointScalar = Callable[[Any], Any]  # (d,) -> ()

# A determinant below this share, times d, of the product of its columns' largest entries, or of its rows', is rounding
# error: elimination leaves about d eps of them. The criterion does not depend on units.
SINGULAR_SHARE = 10 * EPS


@in_float64
def jacobian(function: PointMap, points: ArrayLike) -> jax.Array:
    """Compute the matrix of partial derivatives, row i for output i.

    Args:
        function: differentiable, (d,) to (k,).
        points: finite (d,) or (n, d).

    Returns:
        float64 (k, d) or (n, k, d).

    Raises:
        UserError: for points of another shape, or a derivative that is not finite, naming the point.
    """
    at = _points(points)
    matrices = _over_batch(jax.jacfwd(function), at)
    _refuse(matrices, lambda J: ~np.isfinite(J).all(axis=(-2, -1)), at, "the map has no finite derivative")
    return matrices


@in_float64
def log_abs_det(function: PointMap, points: ArrayLike) -> jax.Array:
    """Compute log |det df/dx|, float64 () or (n,); arguments as for `jacobian`, with k = d.

    Raises:
        UserError: as `jacobian`; also if the Jacobian is not square, or is singular, naming the point.
    """
    at = _points(points)
    matrices = jnp.asarray(jacobian(function, at))
    if matrices.shape[-2] != matrices.shape[-1]:
        raise UserError(f"a map from {matrices.shape[-1]} to {matrices.shape[-2]} dimensions has no determinant")
    logs = _regular_log_abs_det(matrices)
    _refuse(logs, np.isneginf, at, "the map is not invertible: its Jacobian is singular")
    return logs


@jax.jit
def _regular_log_abs_det(matrices: jax.Array) -> jax.Array:
    """Compute log |det| of each matrix (..., d, d), -inf where the determinant is rounding error."""
    logs = jnp.linalg.slogdet(matrices)[1]
    sizes = [jnp.log(jnp.abs(matrices).max(axis=axis)).sum(axis=-1) for axis in (-2, -1)]
    regular = logs > jnp.minimum(*sizes) + math.log(SINGULAR_SHARE * matrices.shape[-1])
    return jnp.where(regular, logs, -jnp.inf)


def pull_back_log_density(
    log_density: PointScalar, function: PointMap, log_det: PointScalar | None = None
) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """Make the log-density of X where U = function(X) has `log_density`: log p_U(f(x)) + log|det df/dx|.

    Args:
        log_density: log-density of U at one point, (d,) to ().
        function: f, invertible and differentiable, (d,) to (d,).
        log_det: formula for log|det df/dx| at one point, if known; otherwise `jax.jacfwd` is used.

    Returns:
        A function of points (d,) or (n, d) with values float64 () or (n,). It raises errors as `log_abs_det` does.
    """

    @jax.jit
    def composed(at: jax.Array) -> jax.Array:
        values = _over_batch(lambda x: log_density(function(x)), at)
        return values if log_det is None else values + _over_batch(log_det, at)

    @in_float64
    def pulled_back(points: ArrayLike) -> jax.Array:
        at = _points(points)
        values = composed(at) if log_det is not None else composed(at) + log_abs_det(function, at)
        _refuse(values, np.isnan, at, "the density is not a number")
        return values

    return pulled_back


def push_forward_log_density(
    log_density: PointScalar, inverse: PointMap, inverse_log_det: PointScalar | None = None
) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """Make the log-density of U = f(X) where X has `log_density`: log p_X(f^-1(u)) + log|det df^-1/du|.

    Pushing forward by f is pulling back by its inverse.

    Args:
        log_density: log-density of X at one point, (d,) to ().
        inverse: f^-1, (d,) to (d,).
        inverse_log_det: formula for log|det df^-1/du| at one point u, if known; otherwise `jax.jacfwd` is used.
    """
    return pull_back_log_density(log_density, inverse, inverse_log_det)


@in_float64
def round_trip_error(function: PointMap, inverse: PointMap, points: ArrayLike) -> jax.Array:
    """Compute the largest |inverse(function(x)) - x| relative to 1 + |x|, float64 () or (n,).

    Raises:
        UserError: if a point is not mapped back to a finite one, naming the point.
    """
    at = _points(points)
    # Two programs: in a single one, XLA would cancel an exp and a log, for example.
    returned = _over_batch(inverse, _over_batch(function, at))
    _refuse(
        returned,
        lambda x: ~np.isfinite(x).all(axis=-1),
        at,
        "the map has no finite inverse",
    )
    return _relative_distance(returned, at)


@jax.jit
def _relative_distance(x: jax.Array, at: jax.Array) -> jax.Array:
    return jnp.abs(x - at).max(axis=-1) / (1 + jnp.abs(at).max(axis=-1))


@in_float64
def require_inverse(function: PointMap, inverse: PointMap, points: ArrayLike, tolerance: float = 1e-8) -> None:
    """Raise UserError, naming the worst point, if `inverse` does not undo `function` up to `tolerance`.

    The default is about the square root of eps, which inverses by bisection or Newton's method attain.
    """
    at = np.atleast_2d(np.asarray(points))
    errors = np.asarray(round_trip_error(function, inverse, at))
    worst = int(errors.argmax())
    if errors[worst] > tolerance:
        raise UserError(
            f"not each other's inverse at {_show(at[worst])}: the point comes back {errors[worst]:.1e} away"
        )


def _points(points: ArrayLike) -> jax.Array:
    at = jnp.asarray(points, jnp.float64)
    if at.ndim not in (1, 2) or 0 in at.shape:
        raise UserError(f"points must be (d,) or (n, d), not {at.shape}")
    _refuse(at, lambda x: ~np.isfinite(x).all(axis=-1), at, "a point must be finite")
    return at


def _over_batch(function: Callable[[jax.Array], jax.Array], points: jax.Array) -> jax.Array:
    return jax.jit(jax.vmap(function) if points.ndim == 2 else function)(points)


def _refuse(values: jax.Array, is_bad: Callable[[np.ndarray], Any], points: jax.Array, why: str) -> None:
    """Raise UserError with the first of `points` whose value is bad; skipped under a trace, which has no values."""
    if is_traced(values):
        return
    bad = is_bad(np.asarray(values))
    if bad.any():
        raise UserError(f"{why} at {_show(np.atleast_2d(np.asarray(points))[int(bad.argmax())])}")


def _show(point: np.ndarray) -> str:
    return f"({', '.join(f'{coordinate:.6g}' for coordinate in point)})"
