"""The penalties in closed form, where D's slopes are known, and their gradients in the real D's parameters."""

from functools import partial
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from jax.test_util import check_grads

from gan_jax.losses.gradient_penalty import (
    DRAGAN_NOISE_SCALE,
    PENALTIES,
    draw_points,
    interpolate,
    logits_and_penalties,
    logits_and_squared_grad_norms,
    one_centered,
    perturb_real,
    zero_centered,
)
from gan_jax.models.mlp import Discriminator

shapes = st.sampled_from([(1, 1), (4, 3), (7, 20)])  # few: each is compiled anew
seeds = st.integers(0, 2**32 - 1)
# Sums of at most 20 terms of about 1 in float64, in another order than NumPy's: 20 roundings of 1e-16.
FLOAT64: dict[str, Any] = dict(rtol=1e-13, atol=1e-13)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape) for shape in shapes]


@settings(max_examples=30)
@given(shapes, seeds)
def test_a_linear_discriminators_slope_is_its_weight_whatever_the_images(shape, seed):
    """D(x) = w.x + b: R1 is |w|^2 / 2 and the one-centered penalty (|w| - 1)^2."""
    images, w, [b] = drawn(seed, shape, shape[1:], (1,))
    logits, squared = logits_and_squared_grad_norms(lambda x: x @ jnp.asarray(w) + b, jnp.asarray(images))
    np.testing.assert_allclose(logits, images @ w + b, **FLOAT64)
    np.testing.assert_allclose(squared, np.full(len(images), w @ w), **FLOAT64)
    np.testing.assert_allclose(zero_centered(squared), w @ w / 2, **FLOAT64)
    # 1e-12 under the root, EPS, moves it by up to 1e-12 / 2|w|, and by 1e-6 where w is next to nothing.
    bound = float(2e-12 / np.linalg.norm(w) + 1e-13)
    np.testing.assert_allclose(one_centered(squared), (np.linalg.norm(w) - 1) ** 2, rtol=1e-12, atol=bound)


@settings(max_examples=30)
@given(shapes, seeds)
def test_a_quadratic_discriminators_slopes_are_of_each_image(shape, seed):
    """D(x) = x'Ax/2 + b.x has the slope (A + A')x/2 + b."""
    count, size = shape
    images, a, b = drawn(seed, shape, (size, size), (size,))

    def discriminator(x: jax.Array) -> jax.Array:
        return ((x @ jnp.asarray(a)) * x).sum(axis=1) / 2 + x @ jnp.asarray(b)

    logits, squared = logits_and_squared_grad_norms(discriminator, jnp.asarray(images))
    slopes = images @ (a + a.T) / 2 + b[None]
    assert logits.shape == squared.shape == (count,)
    np.testing.assert_allclose(squared, (slopes**2).sum(axis=1), rtol=1e-12)  # 400 products in each
    np.testing.assert_allclose(zero_centered(squared), (slopes**2).sum() / (2 * count), rtol=1e-12)
    norms = np.linalg.norm(slopes, axis=1)
    # (|slope| - 1)^2 loses what cancels in the difference, absolutely; EPS as above.
    np.testing.assert_allclose(one_centered(squared), np.mean((norms - 1) ** 2), rtol=1e-11, atol=2e-12 / norms.min())


def penalty(discriminator: Discriminator, centred: Any, images: jax.Array, params: dict) -> jax.Array:
    def logits(images: jax.Array) -> Any:
        return discriminator.apply(params, images, jax.random.key(5))

    return centred(logits_and_squared_grad_norms(logits, images)[1])


@pytest.mark.parametrize("centred", [zero_centered, one_centered])
@pytest.mark.parametrize("group", [0, 4])
def test_gradients_in_the_parameters_are_those_of_differences(centred, group):
    """Through the real discriminator with its dropout, its own products' gradients and its deviation."""
    module = Discriminator(hidden_sizes=(16, 8), deviation_group=group)
    params = jax.tree.map(lambda leaf: 3 * leaf.astype(float), module.init(jax.random.key(0), jnp.zeros((1, 20))))
    images = jax.random.normal(jax.random.key(1), (8, 20))
    function = partial(penalty, module, centred, images)
    assert function(params) > 1e-3
    # 1e-5: central differences in steps of 1e-5 lose 1e-16 / 1e-5 to cancellation, and 1e-10 times the third
    # derivative, which the root in the deviation makes large.
    check_grads(function, (params,), order=1, modes=["rev"], eps=1e-5, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("centred", [zero_centered, one_centered])
def test_a_flat_discriminators_gradients_are_finite(centred):
    """At a slope of exactly 0, where the norm itself has none; the one-centered penalty is then 1."""
    images = jax.random.normal(jax.random.key(0), (4, 3))

    def function(w: jax.Array) -> jax.Array:
        return centred(logits_and_squared_grad_norms(lambda x: x @ w, images)[1])

    value, gradient = jax.value_and_grad(function)(jnp.zeros(3))
    assert value == pytest.approx(1.0 if centred is one_centered else 0.0, abs=3e-6)  # 2e-6: EPS's root, twice
    np.testing.assert_array_equal(gradient, np.zeros(3))


def assert_uniform(values: np.ndarray) -> None:
    """From 0 to 1; one in a million runs would fail by chance, and the key is fixed."""
    assert scipy.stats.kstest(np.ravel(values), "uniform").pvalue > 1e-6


def test_points_between_lie_on_their_segments_each_at_a_place_of_its_own():
    real, fake = map(jnp.asarray, drawn(0, (500, 5), (500, 5)))
    shares = np.asarray((interpolate(jax.random.key(0), real, fake) - fake) / (real - fake))
    # Rounding of 1e-16 over differences down to 1e-4.
    np.testing.assert_allclose(shares, np.broadcast_to(shares[:, :1], shares.shape), rtol=0, atol=1e-11)
    assert_uniform(shares[:, 0])


def test_points_around_lie_on_the_way_to_images_disturbed_by_up_to_half_of_the_deviation_of_all():
    """Each pixel by itself, whatever the deviation of its own column is, and each image so far."""
    scales = jnp.asarray([0.1, 1.0, 3.0] * 100)[None]
    real = scales * jnp.asarray(drawn(0, (2000, 300))[0]) + 7
    moved = np.asarray(perturb_real(jax.random.key(0), real, real) - real) / (DRAGAN_NOISE_SCALE * np.std(real))
    assert DRAGAN_NOISE_SCALE == 0.5
    # The largest of 300 uniform numbers is 1 but for 1 / 300, and what it is multiplied by is the image's share.
    shares = moved.max(axis=1)
    assert_uniform(shares)
    disturbances = (moved / shares[:, None])[shares > 0.1]
    for column in disturbances.T[::50]:
        assert_uniform(column)
    # Independent pixels: a correlation of 1800 pairs has the deviation 1 / sqrt(1800) = 0.024; five of them.
    assert np.abs(np.corrcoef(disturbances.T[:5]) - np.eye(5)).max() < 0.12


@pytest.mark.parametrize("packing", [2, 5])
def test_a_pack_has_one_share(packing):
    """D sees it as one: its point is on the line between a pack of real and one of generated images."""
    real, fake = map(jnp.asarray, drawn(0, (20, 5), (20, 5)))
    shares = np.asarray((interpolate(jax.random.key(0), real, fake, packing) - fake) / (real - fake))
    np.testing.assert_allclose(shares, np.repeat(shares[::packing, :1], packing, axis=0) * np.ones(5), atol=1e-11)
    assert len(np.unique(shares[::packing, 0].round(6))) == 20 // packing
    zeros, ones = jnp.zeros((20, 784)), jnp.ones((20, 784))
    image = jnp.concatenate([zeros, ones], axis=1)  # of deviation 1/2
    largest = np.asarray(perturb_real(jax.random.key(0), image, image, packing) - image).max(axis=1)
    # Of 1568 uniform numbers, within a hundredth of 1; shares of different packs are farther apart.
    np.testing.assert_allclose(largest.reshape(-1, packing), largest[::packing, None] * np.ones(packing), rtol=0.01)
    assert np.abs(np.diff(np.sort(largest[::packing]))).max() > 0.01


KEY = 7
WEIGHT = 2.5


def terms(name: str, weights: dict[str, float], kernel: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
    """Logits and penalties of a linear D with this kernel, whose input gradient is the kernel at every image."""
    real, fake = map(jnp.asarray, drawn(3, (6, 4), (6, 4)))
    batch = jnp.stack([real, fake], axis=1).reshape(12, 4)
    points = draw_points(lambda: jax.random.key(KEY), real, fake, weights, 1)
    assert [each.name for each in points] == ([name] if callable(PENALTIES[name].points) and weights else [])
    return logits_and_penalties(lambda images, *_, **__: images @ kernel, batch, jax.random.key(0), points, weights, 1)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_obeys_the_protocol(name):
    """Exact against closed forms, off without a weight, finite at extreme gradients, and pure."""
    kernel = jnp.asarray([3.0, 0.0, 4.0, 0.0])  # of norm 5
    logits, [found] = terms(name, {name: WEIGHT}, kernel)
    expected = {"zero": WEIGHT * 25 / 2, "one": WEIGHT * (5 - 1) ** 2}
    kind = "one" if PENALTIES[name].penalty is one_centered else "zero"
    np.testing.assert_allclose(found, expected[kind], rtol=1e-12)  # round-off of a few operations in float64
    plain, none = terms(name, {}, kernel)
    assert none == []
    np.testing.assert_array_equal(plain, logits)
    for size in (1e-30, 1e15):  # whose squares float32 holds, or which it flushes to 0

        def value(kernel: jax.Array) -> jax.Array:
            return terms(name, {name: WEIGHT}, kernel)[1][0]

        with jax.enable_x64(False):
            gradient = jax.grad(value)(jnp.full(4, size, jnp.float32))
        assert np.isfinite(gradient).all()
    again, [same] = terms(name, {name: WEIGHT}, kernel)
    np.testing.assert_array_equal((again.sum(), same), (logits.sum(), found))


def test_the_keys_of_samplers_are_their_own():
    """Two penalties, or a penalty's points and its dropout, would otherwise share their randomness."""
    numbers = [number for penalty in PENALTIES.values() for number in penalty.keys or ()]
    assert len(numbers) == len(set(numbers)) == 2 * sum(callable(penalty.points) for penalty in PENALTIES.values())
