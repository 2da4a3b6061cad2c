"""Nearest neighbours: fidelity and diversity on features, memorization on pixels.

Precision and recall: Kynkäänniemi et al. 2019 (arXiv:1904.06991). Density and coverage: Naeem et al. 2020
(arXiv:2002.09797). All compare squared distances, strictly, as the `prdc` package of the latter does distances.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pixels import to_unit_range
from gan_jax.evaluation.batched_map import map_rows
from gan_jax.utils.jit import deterministic_jit

NEIGHBOURS = 5  # k, as in Naeem et al.
FEATURE_BLOCK = 1000  # by 10 000 others: 40 MB of distances at a time
PIXEL_BLOCK = 250  # by 60 000 others: 60 MB


class PRDC(NamedTuple):
    """Precision, recall, density and coverage, from balls that reach to each point's k-th neighbour in its own set."""

    precision: float  # share of samples in some real ball, in [0, 1]
    recall: float  # share of real points in some sample's ball, in [0, 1]
    density: float  # real balls that hold a sample, mean over samples, divided by k; may exceed 1
    coverage: float  # share of real balls that hold a sample, in [0, 1]


def squared_distances(first: jax.Array, second: jax.Array) -> jax.Array:
    """Squared Euclidean distances float32 (n, m) >= 0 between the rows of (n, d) and (m, d), by one matrix product."""
    # The highest precision: accelerators would otherwise round the operands of the product to 10 bits or fewer.
    products = jnp.matmul(first, second.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(first**2, axis=1)[:, None] + jnp.sum(second**2, axis=1)[None, :]
    return jnp.maximum(squares - 2.0 * products, 0.0)


@partial(deterministic_jit, static_argnames="k")
def knn_squared_radii(points: jax.Array, k: int = NEIGHBOURS) -> jax.Array:
    """Squared distance float32 (n,) from each of the points float32 (n, d) to its k-th nearest other point, n > k."""

    def radii(rows: jax.Array) -> jax.Array:
        # The nearest is the point itself, hence k + 1. Without the barrier XLA's CPU compiler merges the slice into
        # top_k and sorts whole rows instead: 40 times slower.
        closest, _ = jax.lax.optimization_barrier(jax.lax.top_k(-squared_distances(rows, points), k + 1))
        return -closest[:, k]

    return map_rows(radii, points, FEATURE_BLOCK)


@deterministic_jit
def ball_membership(points: jax.Array, centres: jax.Array, radii: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Count the balls that hold each point: points (n, d), centres (m, d), squared radii (m,).

    Returns int32 (n,), the number of balls that hold each point, and float32 (n,), its squared distance to the nearest
    centre.
    """

    def compare(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        distances = squared_distances(rows, centres)
        return jnp.sum(distances < radii[None, :], axis=1), jnp.min(distances, axis=1)

    return map_rows(compare, points, FEATURE_BLOCK)


def fidelity(real: jax.Array, real_radii: jax.Array, samples: jax.Array, k: int = NEIGHBOURS) -> PRDC:
    """Precision, recall, density and coverage of samples float32 (n, d) among real points float32 (m, d); n, m > k.

    `real_radii` is `knn_squared_radii(real, k)`: it depends on the real points alone and is computed once for all
    samples.
    """
    balls_holding_sample, _ = ball_membership(samples, real, real_radii)
    balls_holding_real, to_nearest_sample = ball_membership(real, samples, knn_squared_radii(samples, k))
    return PRDC(
        precision=_mean(balls_holding_sample > 0),
        recall=_mean(balls_holding_real > 0),
        density=_mean(balls_holding_sample) / k,
        coverage=_mean(to_nearest_sample < real_radii),
    )


@deterministic_jit
def nearest(queries: jax.Array, pixels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The nearest of images uint8 (m, 784) to each query float32 (n, 784) in [-1, 1].

    Returns the Euclidean distances float32 (n,), in units of the [-1, 1] range, and the indices int32 (n,).
    """
    images = to_unit_range(pixels)
    indices = map_rows(lambda rows: jnp.argmin(squared_distances(rows, images), axis=1), queries, PIXEL_BLOCK)
    # The matrix product leaves about 1e-2 between a copy and its original; the difference itself leaves nothing.
    return jnp.linalg.norm(queries - images[indices], axis=1), indices


def _mean(values: jax.Array) -> float:
    return float(np.mean(np.asarray(values)))  # in float64: a share of 10 000 comes out as it is written
