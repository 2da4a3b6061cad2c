"""Maps that the command checks: the homework's, and four building blocks of normalizing flows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from math_checks import bijectors
from math_checks.change_of_variables_checks import GRID_SIZE, Case
from math_checks.precision import in_float64

# The same number as nodes in the checks' grid, so that JAX compiles each operation once for both.
NUM_DRAWS = GRID_SIZE**2
REACH = 8.0  # standard deviations, beyond which a normal has a mass of 1e-15


def standard_normal(x: jax.Array) -> jax.Array:
    """Compute the log-density of independent N(0, 1) coordinates at x (d,)."""
    return jnp.sum(jax.scipy.stats.norm.logpdf(x))


def homework(generator: np.random.Generator) -> Case:
    """Make the homework's case: X, Y independent N(0, 1) and U = X + Y, V = X - Y."""
    return Case(
        name="homework",
        bijector=bijectors.sum_and_difference(),
        base_log_density=standard_normal,
        sample=_normal_draws(generator),
        half_width=float(np.sqrt(2) * REACH),
        affine=True,
        image_log_density=lambda w: -np.log(4 * np.pi) - np.sum(np.square(w), axis=-1) / 4,
    )


@in_float64
def affine(generator: np.random.Generator) -> Case:
    """Make the case M X + c with random M and c: normal with mean c and covariance M M'."""
    # With entries within 0.3 of the identity the determinant is at least 0.4.
    matrix = np.eye(2) + generator.uniform(-0.3, 0.3, (2, 2))
    shift = generator.uniform(-1.0, 1.0, 2)
    covariance: Any = matrix @ matrix.T
    return Case(
        name="affine",
        bijector=bijectors.affine(matrix, shift),
        base_log_density=standard_normal,
        sample=_normal_draws(generator),
        half_width=float(1 + REACH * np.linalg.norm(matrix, axis=1).max()),
        affine=True,
        image_log_density=lambda w: scipy.stats.multivariate_normal(shift, covariance).logpdf(w),
    )


def polar(generator: np.random.Generator) -> Case:
    """Make the case of two independent N(0, 1) from a Rayleigh radius and a uniform angle (Box and Muller)."""
    return Case(
        name="polar",
        bijector=bijectors.polar(),
        base_log_density=lambda p: jnp.log(p[0]) - p[0] ** 2 / 2 - jnp.log(2 * jnp.pi),
        sample=np.column_stack([generator.rayleigh(size=NUM_DRAWS), generator.uniform(-np.pi, np.pi, NUM_DRAWS)]),
        half_width=REACH,
        image_log_density=lambda w: scipy.stats.norm.logpdf(w).sum(axis=-1),
    )


def sinh_arcsinh(generator: np.random.Generator) -> Case:
    """Make the case of two skewed coordinates with lighter tails than the normal's."""
    skewness, tailweight = np.array([0.3, -0.4]), np.array([0.8, 0.9])
    return Case(
        name="sinh-arcsinh",
        bijector=bijectors.sinh_arcsinh(skewness, tailweight),
        base_log_density=standard_normal,
        sample=_normal_draws(generator),
        half_width=float(np.sinh((np.arcsinh(REACH) + np.abs(skewness)) * tailweight).max()),
    )


def coupling(generator: np.random.Generator) -> Case:
    """Make the case of two RealNVP couplings with random weights, which together change both coordinates."""
    first, second = (bijectors.coupling(bijectors.random_conditioner(generator, 1, 1)) for _ in range(2))
    return Case(
        name="coupling",
        bijector=bijectors.chain(first, bijectors.flip(), second),
        base_log_density=standard_normal,
        sample=_normal_draws(generator),
        half_width=float(np.e * REACH + 1),  # a coupling scales by at most e and shifts by at most 1
    )


def all_cases(seed: int) -> list[Case]:
    """Make all cases, with random weights and samples drawn from `seed`."""
    makers = (homework, affine, polar, sinh_arcsinh, coupling)
    return [
        make(generator) for make, generator in zip(makers, np.random.default_rng(seed).spawn(len(makers)), strict=True)
    ]


def _normal_draws(generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal((NUM_DRAWS, 2))
