"""Checks of a map of the plane and of the density pushed through it, each with its measured residual.

Every check takes a `Case`: a bijector with the log-determinant that it claims, and a density to push through it. All
checks use the claimed log-determinant, so that a wrong one fails all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import scipy.interpolate
import scipy.stats
from jax.typing import ArrayLike

from math_checks.bijectors import Bijector
from math_checks.change_of_variables import (
    PointScalar,
    jacobian,
    log_abs_det,
    pull_back_log_density,
    push_forward_log_density,
    require_inverse,
    round_trip_error,
)
from math_checks.check import Check, check
from math_checks.precision import in_float64


@dataclass(frozen=True, eq=False)
class Case:
    """Map of the plane, and a random point X with a known density; results that several checks need are cached."""

    name: str
    bijector: Bijector
    base_log_density: PointScalar  # log p_X, (2,) to ()
    sample: np.ndarray  # float64 (n, 2), independent draws of X
    half_width: float  # f(X) lies in the square of this half width around 0, except with probability 1e-13
    affine: bool = False
    image_log_density: Callable[[np.ndarray], np.ndarray] | None = None  # of f(X), (n, 2) to (n,), if known

    def __post_init__(self) -> None:
        require_inverse(self.bijector.forward, self.bijector.inverse, self.points)

    def inverse_log_det(self, u: jax.Array) -> jax.Array:
        """Compute the claimed log |det df^-1/du| = -log |det df/dx| at x = f^-1(u): (2,) to ()."""
        return -self.bijector.forward_log_det_jacobian(self.bijector.inverse(u))

    @cached_property
    def inverse_of_batch(self) -> Callable[[np.ndarray], jax.Array]:
        """Inverse map f^-1 of points (n, 2)."""
        return jax.jit(jax.vmap(self.bijector.inverse))

    @cached_property
    def log_density(self) -> Callable[[ArrayLike], np.ndarray]:
        """Log-density of U = f(X) by the change of variables with the claimed log-determinant."""
        return push_forward_log_density(self.base_log_density, self.bijector.inverse, self.inverse_log_det)

    @cached_property
    @in_float64
    def image_sample(self) -> jax.Array:
        """Images f(x) of the sample, (n, 2)."""
        return jax.jit(jax.vmap(self.bijector.forward))(self.sample)

    @property
    def points(self) -> np.ndarray:
        """First points of the sample, on which identities are checked, (256, 2)."""
        return self.sample[:256]

    @property
    def images(self) -> np.ndarray:
        """Images f(x) of `points`, (256, 2)."""
        return self.image_sample[:256]

    @cached_property
    @in_float64
    def log_dets(self) -> jax.Array:
        """Log-determinants log |det df/dx| that the bijector claims at `points`, (256,)."""
        return jax.jit(jax.vmap(self.bijector.forward_log_det_jacobian))(self.points)

    @cached_property
    @in_float64
    def inverse_log_dets(self) -> jax.Array:
        """Log-determinants log |det df^-1/du| of the inverse, by the bijector's claim, at `images`, (256,)."""
        return jax.jit(jax.vmap(self.inverse_log_det))(self.images)

    @cached_property
    def nodes(self) -> np.ndarray:
        """Coordinates of the grid along each side of the square, (GRID_SIZE,)."""
        return np.linspace(-self.half_width, self.half_width, GRID_SIZE)

    @cached_property
    def density(self) -> np.ndarray:
        """Density of U at each pair of nodes, (GRID_SIZE, GRID_SIZE), u along the rows."""
        return np.exp(self.log_density(_pairs(self.nodes))).reshape(GRID_SIZE, GRID_SIZE)

    def integral(self, values: np.ndarray) -> float:
        """Integrate `values` at the pairs of nodes over the square by the trapezoid rule."""
        return float(np.trapezoid(np.trapezoid(values, self.nodes), self.nodes))


def _pairs(nodes: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)


IDENTITY_BOUND = 1e-12
IDENTITY_REASON = "a few dozen operations on numbers below 100, each exact to eps"
RATE_BOUND = 0.05
RATE_REASON = "the expansion's second term is below a fiftieth of its first at these sizes, at the median corner"
MASS_BOUND = 1e-10
MASS_REASON = "the trapezoid rule converges exponentially; 1e-13 lies outside the square, the rest is round-off"
KOLMOGOROV_BOUND = 2.72
KOLMOGOROV_REASON = "exceeded with probability 2 exp(-2 x 2.72^2) = 7.5e-7 by the right density"
MOMENT_BOUND = 5.0
MOMENT_REASON = "in standard errors: one of five exceeds it with probability 3e-6"
HISTOGRAM_BOUND = 6.0
HISTOGRAM_REASON = (
    "in standard deviations: one of some hundred bins, of 100 draws or more each, exceeds it with probability 1e-5"
)
# Even, so that no node is on an axis, where the polar angle is discontinuous.
GRID_SIZE = 400
# 40 bins of 10 nodes, the same number as nodes in the grid, so that JAX compiles each operation once for both.
BINS_PER_SIDE, NODES_PER_BIN = 40, 10
MIN_EXPECTED = 100  # draws in a bin, so that its count is nearly normal up to 6 standard deviations


@check(IDENTITY_BOUND, IDENTITY_REASON)
def log_det_agrees_with_jacfwd(case: Case) -> float:
    """The claimed log-determinant is that of the Jacobian by jax.jacfwd."""
    return float(np.abs(case.log_dets - log_abs_det(case.bijector.forward, case.points)).max())


@check(IDENTITY_BOUND, IDENTITY_REASON)
def jacobian_of_the_homework(case: Case) -> float:
    """(a) d(x, y)/d(u, v) = [[1/2, 1/2], [1/2, -1/2]] everywhere, and |det| = 1/2."""
    matrices = jacobian(case.bijector.inverse, case.images)
    error = np.abs(matrices - np.array([[0.5, 0.5], [0.5, -0.5]])).max()
    return float(max(error, np.abs(np.exp(case.inverse_log_dets) - 0.5).max()))


@in_float64
def area_errors(case: Case, sizes: np.ndarray) -> np.ndarray:
    """Compute the relative difference between the image of du x dv and |det J| du dv at each size du = 2 dv.

    The area of the image is that of the parallelogram spanned by the images of the rectangle's sides: the length of
    their cross product. Rectangles start at each of `images`.

    Args:
        case: the map.
        sizes: float64 (m,).

    Returns:
        float64 (m, 256).
    """
    corners = case.images
    inverse = case.inverse_of_batch
    determinants = np.exp(case.inverse_log_dets)
    start = inverse(corners)
    errors = []
    for size in sizes:
        along_u = inverse(corners + np.array([size, 0.0])) - start
        along_v = inverse(corners + np.array([0.0, size / 2])) - start
        area = np.abs(along_u[:, 0] * along_v[:, 1] - along_u[:, 1] * along_v[:, 0])
        errors.append(np.abs(area / (determinants * size * size / 2) - 1))
    return np.asarray(errors)


AFFINE_SIZES = 0.5 ** np.arange(9)
CURVED_SIZES = 0.5 ** np.arange(11, 19)


@check(IDENTITY_BOUND, IDENTITY_REASON)
def parallelogram_area(case: Case) -> float:
    """(b) An affine map sends a rectangle du x dv to a parallelogram of area |det J| du dv, at every size."""
    return float(area_errors(case, AFFINE_SIZES).max())


@check(RATE_BOUND, RATE_REASON)
def parallelogram_area_in_the_limit(case: Case) -> float:
    """(b) For a curved map the areas' relative difference falls in proportion to the rectangle: slope 1."""
    errors = np.median(area_errors(case, CURVED_SIZES), axis=1)
    return float(abs(np.polyfit(np.log(CURVED_SIZES), np.log(errors), 1)[0] - 1))


@check(IDENTITY_BOUND, IDENTITY_REASON)
def density_in_closed_form(case: Case) -> float:
    """(b) The density of f(X) is the one known in closed form."""
    assert case.image_log_density is not None
    return float(np.abs(case.log_density(case.images) - case.image_log_density(case.images)).max())


@check(IDENTITY_BOUND, IDENTITY_REASON)
def density_of_two_independent_normals(case: Case) -> float:
    """(b) U and V are independent N(0, 2): the density is the product of SciPy's two."""
    product = scipy.stats.norm.logpdf(case.images, scale=np.sqrt(2)).sum(axis=1)
    return float(np.abs(case.log_density(case.images) - product).max())


@check(MASS_BOUND, MASS_REASON)
def total_mass(case: Case) -> float:
    """The density of f(X) integrates to 1."""
    return abs(case.integral(case.density) - 1)


@check(KOLMOGOROV_BOUND, KOLMOGOROV_REASON)
def margins_by_kolmogorov_smirnov(case: Case) -> float:
    """Both margins of f(sample) follow the density's: the larger sqrt(n) sup |F_n - F|."""
    statistics = []
    for axis in (0, 1):
        margin = np.trapezoid(case.density, case.nodes, axis=1 - axis)
        distribution = scipy.interpolate.CubicSpline(case.nodes, margin).antiderivative()
        statistics.append(scipy.stats.kstest(case.image_sample[:, axis], distribution).statistic)
    return float(np.sqrt(len(case.sample)) * max(statistics))


@check(MOMENT_BOUND, MOMENT_REASON)
def moments_of_the_sample(case: Case) -> float:
    """Means, variances and correlation of f(sample) are the density's: largest error in standard errors."""
    grid = np.meshgrid(case.nodes, case.nodes, indexing="ij")
    deviations = []
    for moment in (lambda u, v: u, lambda u, v: v, lambda u, v: u * u, lambda u, v: v * v, lambda u, v: u * v):
        drawn = moment(*case.image_sample.T)
        error = drawn.mean() - case.integral(moment(*grid) * case.density)
        deviations.append(abs(error) / (drawn.std() / np.sqrt(len(drawn))))
    return float(max(deviations))


@check(HISTOGRAM_BOUND, HISTOGRAM_REASON)
def histogram_of_the_sample(case: Case) -> float:
    """Each bin of f(sample) has n times its share of the density: largest error in standard deviations."""
    edges = np.linspace(-case.half_width, case.half_width, BINS_PER_SIDE + 1)
    counts = np.histogram2d(*case.image_sample.T, bins=(edges, edges))[0]
    share = _bin_masses(case, edges)
    expected = len(case.sample) * share
    kept = expected >= MIN_EXPECTED
    deviations = np.abs(counts - expected)[kept] / np.sqrt(expected * np.maximum(1 - share, 0))[kept]
    return float(deviations.max())


def _bin_masses(case: Case, edges: np.ndarray) -> np.ndarray:
    """Integrate the density over each bin by Gauss-Legendre quadrature, (m, m)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES_PER_BIN)
    half = (edges[1] - edges[0]) / 2
    along = ((edges[:-1] + edges[1:]) / 2)[:, None] + half * nodes
    density = np.exp(case.log_density(_pairs(along.ravel()))).reshape(along.shape * 2)
    return half**2 * np.einsum("aibj,i,j->ab", density, weights, weights)


@check(IDENTITY_BOUND, IDENTITY_REASON)
def inverse_identity(case: Case) -> float:
    """(c) p_X(x) = p_U(f(x)) |det df/dx|, point by point, the determinant by jax.jacfwd."""
    returned = pull_back_log_density(case.log_density, case.bijector.forward)(case.points)
    return float(np.abs(returned - jax.vmap(case.base_log_density)(case.points)).max())


@check(IDENTITY_BOUND, IDENTITY_REASON)
def composition_with_the_inverse(case: Case) -> float:
    """The inverse maps every point back, and the two log-determinants cancel."""
    cancelled = case.log_dets + log_abs_det(case.bijector.inverse, case.images)
    returned = round_trip_error(case.bijector.forward, case.bijector.inverse, case.points)
    return float(max(np.abs(cancelled).max(), returned.max()))


ANY_MAP: tuple[Callable[[Case], Check], ...] = (
    log_det_agrees_with_jacfwd,
    total_mass,
    margins_by_kolmogorov_smirnov,
    moments_of_the_sample,
    histogram_of_the_sample,
    inverse_identity,
    composition_with_the_inverse,
)
HOMEWORK: tuple[Callable[[Case], Check], ...] = (jacobian_of_the_homework, density_of_two_independent_normals)
CHECKS = (*ANY_MAP, *HOMEWORK, parallelogram_area, parallelogram_area_in_the_limit, density_in_closed_form)


def run(case: Case) -> list[Check]:
    """Run the checks of any map, the check of areas, and the check of the density's closed form, if known."""
    area = parallelogram_area if case.affine else parallelogram_area_in_the_limit
    closed_form = (density_in_closed_form,) if case.image_log_density is not None else ()
    return [each(case) for each in (*ANY_MAP, area, *closed_form)]
