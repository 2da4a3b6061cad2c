"""The change of variables for any differentiable, invertible map, with its Jacobian by `jax.jacfwd`.

For U = f(X) with f invertible and differentiable,

    p_U(u) = p_X(f^-1(u)) |det d f^-1 / du|,    p_X(x) = p_U(f(x)) |det df/dx|,

the identity on which normalising flows rest. The derivation is in derivations/change_of_variables.typ.

A map takes one point (d,) to one point (d,); the functions here take a point (d,) or a batch
(n, d) and compute in float64. On concrete numbers they refuse a point where the map is singular.
Under jit, vmap or grad there are no numbers to inspect: there a singular point gives log|det| = -inf.
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

# A determinant below this share of the product of its columns' largest entries, and of its rows', is
# all rounding error: elimination leaves some d eps of them behind. Judged so, units do not matter.
SINGULAR_SHARE = 10 * EPS


@in_float64
def jacobian(function: PointMap, points: ArrayLike) -> jax.Array:
    """The matrix of partial derivatives, row i for output i.

    Args:
        function: differentiable, (d,) to (k,).
        points: finite (d,) or (n, d).

    Returns:
        float64 (k, d) or (n, k, d).

    Raises:
        UserError: points of another shape, or a derivative that is not finite, with the point.
    """
    at = _points(points)
    matrices = _over_batch(jax.jacfwd(function), at)
    _refuse(matrices, lambda J: ~np.isfinite(J).all(axis=(-2, -1)), at, "the map has no finite derivative")
    return matrices


@in_float64
def log_abs_det(function: PointMap, points: ArrayLike) -> jax.Array:
    """log |det df/dx|, float64 () or (n,); arguments as for `jacobian`, with k = d.

    Raises:
        UserError: as `jacobian`, and where the Jacobian is not square or is singular, with the point.
    """
    at = _points(points)
    matrices = jnp.asarray(jacobian(function, at))
    if matrices.shape[-2] != matrices.shape[-1]:
        raise UserError(
            f"a map from {matrices.shape[-1]} to {matrices.shape[-2]} dimensions has no determinant: give as many"
        )
    logs = _regular_log_abs_det(matrices)
    _refuse(logs, np.isneginf, at, "the map is not invertible: its Jacobian is singular")
    return logs


@jax.jit
def _regular_log_abs_det(matrices: jax.Array) -> jax.Array:
    """log |det| of each matrix (..., d, d), -inf where rounding error is all there is of it."""
    logs = jnp.linalg.slogdet(matrices)[1]
    sizes = [jnp.log(jnp.abs(matrices).max(axis=axis)).sum(axis=-1) for axis in (-2, -1)]
    regular = logs > jnp.minimum(*sizes) + math.log(SINGULAR_SHARE * matrices.shape[-1])
    return jnp.where(regular, logs, -jnp.inf)


def pull_back_log_density(
    log_density: PointScalar, function: PointMap, log_det: PointScalar | None = None
) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """The log-density of X where U = function(X) has `log_density`: log p_U(f(x)) + log|det df/dx|.

    Args:
        log_density: of U at one point, (d,) to ().
        function: f, invertible and differentiable, (d,) to (d,).
        log_det: log|det df/dx| at one point where a formula is known; by `jax.jacfwd` otherwise.

    Returns:
        A function of points (d,) or (n, d), with values float64 () or (n,); it raises as `log_abs_det`.
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
    """The log-density of U = f(X) where X has `log_density`: log p_X(f^-1(u)) + log|det df^-1/du|.

    Pushing forward by f is pulling back by its inverse, so this is the same formula.

    Args:
        log_density: of X at one point, (d,) to ().
        inverse: f^-1, (d,) to (d,).
        inverse_log_det: log|det df^-1/du| at one point u; by `jax.jacfwd` otherwise.
    """
    return pull_back_log_density(log_density, inverse, inverse_log_det)


@in_float64
def round_trip_error(function: PointMap, inverse: PointMap, points: ArrayLike) -> jax.Array:
    """The largest |inverse(function(x)) - x| relative to 1 + |x|, float64 () or (n,).

    Raises:
        UserError: where a point does not come back as a finite number, with the point.
    """
    at = _points(points)
    # Two programs: inside one, XLA would cancel exp against log and the like.
    returned = _over_batch(inverse, _over_batch(function, at))
    _refuse(returned, lambda x: ~np.isfinite(x).all(axis=-1), at, "the map has no inverse: no way back")
    return _relative_distance(returned, at)


@jax.jit
def _relative_distance(x: jax.Array, at: jax.Array) -> jax.Array:
    return jnp.abs(x - at).max(axis=-1) / (1 + jnp.abs(at).max(axis=-1))


@in_float64
def require_inverse(function: PointMap, inverse: PointMap, points: ArrayLike, tolerance: float = 1e-8) -> None:
    """Raise UserError, naming the worst point, where `inverse` does not undo `function` to `tolerance`.

    The default is the square root of eps: an inverse found by bisection or Newton's method keeps it.
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
    """Raise UserError with the first of `points` whose value is bad; under a trace there are no values to judge."""
    if is_traced(values):
        return
    bad = is_bad(np.asarray(values))
    if bad.any():
        raise UserError(f"{why} at {_show(np.atleast_2d(np.asarray(points))[int(bad.argmax())])}")


def _show(point: np.ndarray) -> str:
    return f"({', '.join(f'{coordinate:.6g}' for coordinate in point)})"
