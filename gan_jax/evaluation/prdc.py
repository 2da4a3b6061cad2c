"""Metrics by nearest neighbors: fidelity and diversity in feature space, memorization in pixel space.

Precision and recall: Kynkäänniemi et al. 2019 (arXiv:1904.06991). Density and coverage: Naeem et al. 2020
(arXiv:2002.09797). A point is inside a ball if its distance is strictly smaller than the radius, as in the latter's
`prdc` package; here both are squared.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pixels import to_unit_range
from gan_jax.utils.batched_map import map_rows
from gan_jax.utils.jit import deterministic_jit

NEIGHBORS = 5  # k, as in Naeem et al.
FEATURE_BLOCK = 1000  # rows; with 10 000 points, 40 MB of distances at a time
PIXEL_BLOCK = 250  # rows; with 60 000 images, 60 MB of distances at a time


class PRDC(NamedTuple):
    """Precision, recall, density and coverage, from balls around points that reach the k-th neighbor in their set."""

    precision: float  # share of samples inside some ball around a real point, in [0, 1]
    recall: float  # share of real points inside some ball around a sample, in [0, 1]
    density: float  # real points whose balls contain a sample, mean over samples, divided by k; may exceed 1
    coverage: float  # share of real points whose ball contains a sample, in [0, 1]


def squared_distances(first: jax.Array, second: jax.Array) -> jax.Array:
    """Compute squared Euclidean distances float32 (n, m) >= 0 between the rows of (n, d) and of (m, d)."""
    # Without the highest precision, accelerators would round the product's operands to 10 bits or fewer.
    products = jnp.matmul(first, second.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(first**2, axis=1)[:, None] + jnp.sum(second**2, axis=1)[None, :]
    return jnp.maximum(squares - 2.0 * products, 0.0)


@partial(deterministic_jit, static_argnames="k")
def knn_squared_radii(points: jax.Array, k: int = NEIGHBORS) -> jax.Array:
    """Compute the squared distance float32 (n,) of each point float32 (n, d) to its k-th nearest other point, n > k."""

    def radii(rows: jax.Array) -> jax.Array:
        # The nearest point is the point itself, hence k + 1. Without the barrier, XLA's CPU compiler merges the slice
        # into top_k and sorts whole rows, which is 40 times slower.
        closest, _ = jax.lax.optimization_barrier(jax.lax.top_k(-squared_distances(rows, points), k + 1))
        return -closest[:, k]

    return map_rows(radii, points, FEATURE_BLOCK)


@deterministic_jit
def ball_membership(points: jax.Array, centers: jax.Array, squared_radii: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Count the balls that contain each point.

    Args:
        points: float32 (n, d).
        centers: float32 (m, d).
        squared_radii: float32 (m,).

    Returns:
        int32 (n,), the number of balls that contain each point, and float32 (n,), its squared distance to the nearest
        center.
    """

    def compare(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        distances = squared_distances(rows, centers)
        return jnp.sum(distances < squared_radii[None, :], axis=1), jnp.min(distances, axis=1)

    return map_rows(compare, points, FEATURE_BLOCK)


def prdc_scores(real: jax.Array, real_squared_radii: jax.Array, samples: jax.Array, k: int = NEIGHBORS) -> PRDC:
    """Compute precision, recall, density and coverage.

    Args:
        real: float32 (m, d), real points, m > k.
        real_squared_radii: float32 (m,), `knn_squared_radii(real, k)`, which can be reused for other samples.
        samples: float32 (n, d), n > k.
        k: neighbor that a ball reaches.
    """
    balls_per_sample, _ = ball_membership(samples, real, real_squared_radii)
    balls_per_real, to_nearest_sample = ball_membership(real, samples, knn_squared_radii(samples, k))
    return PRDC(
        precision=_mean(balls_per_sample > 0),
        recall=_mean(balls_per_real > 0),
        density=_mean(balls_per_sample) / k,
        coverage=_mean(to_nearest_sample < real_squared_radii),
    )


@deterministic_jit
def nearest(queries: jax.Array, pixels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Find the nearest image to each query.

    Args:
        queries: float32 (n, 784) in [-1, 1].
        pixels: uint8 (m, 784), images.

    Returns:
        Euclidean distances float32 (n,), of pixels in [-1, 1], and the images' indices int32 (n,).
    """
    images = to_unit_range(pixels)
    indices = map_rows(lambda rows: jnp.argmin(squared_distances(rows, images), axis=1), queries, PIXEL_BLOCK)
    # By the matrix product a copy is about 1e-2 from its original; by direct subtraction the distance is exactly 0.
    return jnp.linalg.norm(queries - images[indices], axis=1), indices


def _mean(values: jax.Array) -> float:
    return float(np.mean(np.asarray(values)))  # in float64, so that a share such as 0.1234 prints exactly
