"""Invertible maps with their log-determinants in closed form.

Each is a `Bijector`: three functions of one point (d,) with distrax's names, so that distrax's bijectors of vectors
can be used instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np


class Bijector(Protocol):
    """Invertible map y = f(x) of a point x (d,), with the log-determinant that it claims to have."""

    @property
    def forward(self) -> Callable[[Any], jax.Array]: ...  # f: (d,) to (d,)
    @property
    def inverse(self) -> Callable[[Any], jax.Array]: ...  # f^-1: (d,) to (d,)
    @property
    def forward_log_det_jacobian(self) -> Callable[[Any], jax.Array]: ...  # log |det df/dx|: x (d,) to ()


@dataclass(frozen=True)
class Formulas:
    """`Bijector` given by three formulas."""

    forward: Callable[[Any], jax.Array]
    inverse: Callable[[Any], jax.Array]
    forward_log_det_jacobian: Callable[[Any], jax.Array]


def sum_and_difference() -> Formulas:
    """Make the homework's map (x, y) -> (u, v) = (x + y, x - y), with |det| = 2."""
    return Formulas(
        forward=lambda p: jnp.stack([p[0] + p[1], p[0] - p[1]]),
        inverse=lambda p: jnp.stack([p[0] + p[1], p[0] - p[1]]) / 2,
        forward_log_det_jacobian=lambda p: jnp.log(2.0) + 0 * p[0],
    )


def affine(matrix: jax.Array | np.ndarray, shift: jax.Array | np.ndarray) -> Formulas:
    """Make the affine map x -> matrix x + shift, with an invertible matrix (d, d) and a shift (d,)."""
    log_det = jnp.log(jnp.abs(jnp.diag(jax.scipy.linalg.lu_factor(matrix)[0]))).sum()
    return Formulas(
        forward=lambda x: matrix @ x + shift,
        inverse=lambda y: jnp.linalg.solve(matrix, y - shift),
        forward_log_det_jacobian=lambda x: log_det + 0 * x[0],
    )


def polar() -> Formulas:
    """Make the polar map (r, angle) -> (r cos(angle), r sin(angle)), with |det| = r, for r > 0, angle in (-pi, pi)."""
    return Formulas(
        forward=lambda p: p[0] * jnp.stack([jnp.cos(p[1]), jnp.sin(p[1])]),
        inverse=lambda q: jnp.stack([jnp.hypot(q[0], q[1]), jnp.arctan2(q[1], q[0])]),
        forward_log_det_jacobian=lambda p: jnp.log(p[0]),
    )


def sinh_arcsinh(skewness: jax.Array | np.ndarray, tailweight: jax.Array | np.ndarray) -> Formulas:
    """Make the map x -> sinh((arcsinh(x) + skewness) tailweight) of each coordinate; both (d,), tailweight > 0.

    Jones and Pewsey, "Sinh-arcsinh distributions", Biometrika 96 (2009).
    """

    def log_det(x: jax.Array) -> jax.Array:
        bent = (jnp.arcsinh(x) + skewness) * tailweight
        log_cosh = jnp.logaddexp(bent, -bent) - jnp.log(2.0)  # cosh itself overflows at 710
        return jnp.sum(jnp.log(tailweight) + log_cosh - jnp.log(jnp.hypot(1.0, x)))

    return Formulas(
        forward=lambda x: jnp.sinh((jnp.arcsinh(x) + skewness) * tailweight),
        inverse=lambda y: jnp.sinh(jnp.arcsinh(y) / tailweight - skewness),
        forward_log_det_jacobian=log_det,
    )


class Conditioner(NamedTuple):
    """Weights of a tanh network with one hidden layer, from the kept coordinates (k,) to log-scales and shifts."""

    hidden: np.ndarray  # (width, k)
    bias: np.ndarray  # (width,)
    log_scale: np.ndarray  # (d - k, width)
    shift: np.ndarray  # (d - k, width)


def random_conditioner(generator: np.random.Generator, kept: int, changed: int, width: int = 8) -> Conditioner:
    """Draw weights that keep log-scales and shifts within [-1, 1]."""
    return Conditioner(
        generator.standard_normal((width, kept)),
        generator.standard_normal(width),
        generator.uniform(-1 / width, 1 / width, (changed, width)),
        generator.uniform(-1 / width, 1 / width, (changed, width)),
    )


def coupling(conditioner: Conditioner) -> Formulas:
    """Make RealNVP's coupling (a, b) -> (a, b exp(s(a)) + t(a)), where log|det| is the sum of s(a).

    The vector a has the first k coordinates, b the others. Source: Dinh, Sohl-Dickstein and Bengio, "Density estimation
    using Real NVP", ICLR 2017.
    """
    kept = conditioner.hidden.shape[1]

    def scale_and_shift(a: jax.Array) -> tuple[jax.Array, jax.Array]:
        features = jnp.tanh(conditioner.hidden @ a + conditioner.bias)
        return jnp.matmul(conditioner.log_scale, features), jnp.matmul(conditioner.shift, features)

    def forward(x: jax.Array) -> jax.Array:
        log_scale, shift = scale_and_shift(x[:kept])
        return jnp.concatenate([x[:kept], x[kept:] * jnp.exp(log_scale) + shift])

    def inverse(y: jax.Array) -> jax.Array:
        log_scale, shift = scale_and_shift(y[:kept])
        return jnp.concatenate([y[:kept], (y[kept:] - shift) * jnp.exp(-log_scale)])

    return Formulas(forward, inverse, lambda x: scale_and_shift(x[:kept])[0].sum())


def flip() -> Formulas:
    """Make the map that reverses the coordinates, so that a second coupling changes those that the first one kept."""
    return Formulas(lambda x: x[::-1], lambda y: y[::-1], lambda x: 0 * x[0])


def chain(*maps: Bijector) -> Formulas:
    """Compose maps, which are applied in order; their log-determinants add up."""

    def forward(x: jax.Array) -> jax.Array:
        for each in maps:
            x = each.forward(x)
        return x

    def inverse(y: jax.Array) -> jax.Array:
        for each in reversed(maps):
            y = each.inverse(y)
        return y

    def log_det(x: jax.Array) -> jax.Array:
        total = jnp.zeros((), x.dtype)
        for each in maps:
            total += each.forward_log_det_jacobian(x)
            x = each.forward(x)
        return total

    return Formulas(forward, inverse, log_det)
