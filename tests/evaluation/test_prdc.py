import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from scipy.spatial.distance import cdist

from gan_jax.data.pixels import to_unit_range
from gan_jax.evaluation import prdc
from gan_jax.evaluation.prdc import knn_squared_radii, nearest, prdc_scores, squared_distances

pytestmark = pytest.mark.numeric

# float32 squares and products of some 128 terms of order 1 to 100.
DISTANCE_RELATIVE = 1e-5
# Equal shares of counts: the last bit of a float64 mean. One comparison that fell the other way would move one by 1e-5.
SHARE = 1e-12
# 784 pixels, each converted within 1e-7, with or without a fused multiply-add.
COPY = 1e-5

checked = settings(deadline=None, derandomize=True, max_examples=20)


def features(rng: np.random.Generator, count: int, shift: float = 0.0, dimension: int = 16) -> np.ndarray:
    """Draw features like the classifier's: not negative, and many of them 0."""
    return np.maximum(rng.normal(shift, 1.0, (count, dimension)), 0).astype(np.float32)


def ours(real: np.ndarray, samples: np.ndarray, k: int) -> dict[str, float]:
    points = jnp.asarray(real)
    return prdc_scores(points, knn_squared_radii(points, k), jnp.asarray(samples), k)._asdict()


@checked
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1, 1), k=st.sampled_from([1, 3, 5]))
def test_agrees_with_the_prdc_package(seed: int, shift: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    real, samples = features(rng, 120), features(rng, 90, shift)
    assert ours(real, samples, k) == pytest.approx(compute_prdc(real, samples, k), abs=SHARE)


def test_agrees_with_the_prdc_package_over_several_blocks() -> None:
    rng = np.random.default_rng(1)
    real, samples = features(rng, 2300, dimension=128), features(rng, 1700, 0.05, dimension=128)
    assert min(len(real), len(samples)) > prdc.FEATURE_BLOCK
    assert ours(real, samples, 5) == pytest.approx(compute_prdc(real, samples, 5), abs=SHARE)


def test_a_repeated_point_has_full_precision_and_little_coverage() -> None:
    real = features(np.random.default_rng(2), 200)
    collapsed = np.repeat(real[:1], 100, axis=0)
    result = ours(real, collapsed, 5)
    assert result == pytest.approx(compute_prdc(real, collapsed, 5), abs=SHARE)
    assert result["precision"] == 1
    assert result["recall"] == 0
    assert result["coverage"] < 0.2


def test_far_samples_score_zero_in_all_four() -> None:
    real = features(np.random.default_rng(3), 200)
    assert set(ours(real, real + 100, 5).values()) == {0.0}


@checked
@given(seed=st.integers(0, 2**32 - 1), rows=st.sampled_from([6, 40]))
def test_radii_and_distances_agree_with_scipy(seed: int, rows: int) -> None:
    points = features(np.random.default_rng(seed), rows)
    distances = cdist(points, points)
    np.testing.assert_allclose(
        np.sqrt(squared_distances(jnp.asarray(points[:3]), jnp.asarray(points[3:]))),
        distances[:3, 3:],
        rtol=DISTANCE_RELATIVE,
    )
    np.testing.assert_allclose(
        np.sqrt(knn_squared_radii(jnp.asarray(points), 5)), np.sort(distances)[:, 5], rtol=DISTANCE_RELATIVE
    )


def test_nearest_agrees_with_all_pairs() -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (500, 784), np.uint8)
    queries = rng.uniform(-1, 1, (prdc.PIXEL_BLOCK + 7, 784)).astype(np.float32)
    all_pairs = cdist(queries, pixels / 127.5 - 1)
    distances, indices = nearest(jnp.asarray(queries), jnp.asarray(pixels))
    np.testing.assert_array_equal(indices, all_pairs.argmin(axis=1))
    np.testing.assert_allclose(distances, all_pairs.min(axis=1), rtol=DISTANCE_RELATIVE)


def test_a_copy_is_at_distance_zero() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (50, 784), np.uint8)
    distances, indices = nearest(to_unit_range(pixels[7:9]), jnp.asarray(pixels))
    np.testing.assert_allclose(distances, 0, atol=COPY)
    assert indices.tolist() == [7, 8]
