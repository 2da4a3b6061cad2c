"""Fréchet distance between Gaussians fitted to two sets of features.

With the features of `classifier.py` it is called the classifier Fréchet distance. It is not FID, whose features come
from another network: compare only values with the same features and the same number of samples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Moments(NamedTuple):
    """Gaussian fitted to a set of features."""

    mean: np.ndarray  # float64 (d,)
    covariance: np.ndarray  # float64 (d, d), divided by n - 1


def moments(features: ArrayLike) -> Moments:
    """Compute the mean and the unbiased covariance of features (n, d), n >= 2, in float64."""
    values = np.asarray(features, np.float64)
    return Moments(values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Compute |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) >= 0, in squared units of the features.

    Source: Dowson and Landau 1982; for generated images, Heusel et al. 2017 (arXiv:1706.08500), equation 6.
    """
    # C1 C2 has the eigenvalues of the symmetric A^T C2 A, where A A^T = C1: no square root of an asymmetric matrix is
    # needed, and singular covariances are no problem. Eigenvalues and the sum are negative only by round-off.
    variances, axes = np.linalg.eigh(first.covariance)
    factor = axes * np.sqrt(np.maximum(variances, 0.0))
    overlap = np.linalg.eigvalsh(factor.T @ second.covariance @ factor)
    trace_of_root = np.sqrt(np.maximum(overlap, 0.0)).sum()
    spread = np.trace(first.covariance) + np.trace(second.covariance) - 2.0 * trace_of_root
    return float(max(np.sum((first.mean - second.mean) ** 2) + spread, 0.0))
