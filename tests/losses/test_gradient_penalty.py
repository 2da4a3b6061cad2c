"""The penalties in closed form for D with known input gradients, and their gradients in the real D's parameters."""

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

from gan_jax.config import Hyperparameters, specs
from gan_jax.losses.gradient_penalty import (
    DRAGAN_NOISE_SCALE,
    PENALTIES,
    Sampler,
    draw_points,
    interpolate,
    logits_and_penalties,
    logits_and_squared_grad_norms,
    one_centered,
    perturb_real,
    zero_centered,
)
from gan_jax.models.mlp import Discriminator

shapes = st.sampled_from([(1, 1), (4, 3), (7, 20)])  # few, since each is compiled
seeds = st.integers(0, 2**32 - 1)
# Sums of at most 20 float64 terms of about 1, in an order other than NumPy's: 20 roundings of 1e-16.
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
def test_a_linear_discriminators_input_gradient_is_its_weight(shape, seed):
    """For D(x) = w.x + b, R1 is |w|^2 / 2 and the one-centered penalty (|w| - 1)^2."""
    images, w, [b] = drawn(seed, shape, shape[1:], (1,))
    logits, squared = logits_and_squared_grad_norms(lambda x: x @ jnp.asarray(w) + b, jnp.asarray(images))
    np.testing.assert_allclose(logits, images @ w + b, **FLOAT64)
    np.testing.assert_allclose(squared, np.full(len(images), w @ w), **FLOAT64)
    np.testing.assert_allclose(zero_centered(squared), w @ w / 2, **FLOAT64)
    # EPS, 1e-12 under the root, changes it by up to 1e-12 / 2|w|, and by 1e-6 where w is almost 0.
    bound = float(2e-12 / np.linalg.norm(w) + 1e-13)
    np.testing.assert_allclose(one_centered(squared), (np.linalg.norm(w) - 1) ** 2, rtol=1e-12, atol=bound)


@settings(max_examples=30)
@given(shapes, seeds)
def test_a_quadratic_discriminators_input_gradients_vary_by_image(shape, seed):
    """For D(x) = x'Ax/2 + b.x the input gradient is (A + A')x/2 + b."""
    count, size = shape
    images, a, b = drawn(seed, shape, (size, size), (size,))

    def discriminator(x: jax.Array) -> jax.Array:
        return ((x @ jnp.asarray(a)) * x).sum(axis=1) / 2 + x @ jnp.asarray(b)

    logits, squared = logits_and_squared_grad_norms(discriminator, jnp.asarray(images))
    gradients = images @ (a + a.T) / 2 + b[None]
    assert logits.shape == squared.shape == (count,)
    np.testing.assert_allclose(squared, (gradients**2).sum(axis=1), rtol=1e-12)  # 400 products in each
    np.testing.assert_allclose(zero_centered(squared), (gradients**2).sum() / (2 * count), rtol=1e-12)
    norms = np.linalg.norm(gradients, axis=1)
    # (|gradient| - 1)^2 loses absolutely what cancels in the difference; EPS as above.
    np.testing.assert_allclose(one_centered(squared), np.mean((norms - 1) ** 2), rtol=1e-11, atol=2e-12 / norms.min())


def penalty(discriminator: Discriminator, penalize: Any, images: jax.Array, params: dict) -> jax.Array:
    def logits(images: jax.Array) -> Any:
        return discriminator.apply(params, images, jax.random.key(5))

    return penalize(logits_and_squared_grad_norms(logits, images)[1])


@pytest.mark.parametrize("penalize", [zero_centered, one_centered])
@pytest.mark.parametrize("group", [0, 4])
def test_gradients_in_the_parameters_agree_with_finite_differences(penalize, group):
    """The gradients go through the real discriminator: dropout, custom products, minibatch standard deviation."""
    module = Discriminator(hidden_sizes=(16, 8), stddev_group_size=group)
    params = jax.tree.map(lambda leaf: 3 * leaf.astype(float), module.init(jax.random.key(0), jnp.zeros((1, 20))))
    images = jax.random.normal(jax.random.key(1), (8, 20))
    function = partial(penalty, module, penalize, images)
    assert function(params) > 1e-3
    # 1e-5: central differences in steps of 1e-5 lose 1e-16 / 1e-5 to cancellation, and 1e-10 times the third
    # derivative, which the root in the standard deviation makes large.
    check_grads(function, (params,), order=1, modes=["rev"], eps=1e-5, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("penalize", [zero_centered, one_centered])
def test_a_flat_discriminators_gradients_are_finite(penalize):
    """The input gradient is exactly 0, where the norm has no derivative; the one-centered penalty is then 1."""
    images = jax.random.normal(jax.random.key(0), (4, 3))

    def function(w: jax.Array) -> jax.Array:
        return penalize(logits_and_squared_grad_norms(lambda x: x @ w, images)[1])

    value, gradient = jax.value_and_grad(function)(jnp.zeros(3))
    assert value == pytest.approx(1.0 if penalize is one_centered else 0.0, abs=3e-6)  # 2e-6: EPS's root, twice
    np.testing.assert_array_equal(gradient, np.zeros(3))


def assert_uniform(values: np.ndarray) -> None:
    """Assert that values are uniform on [0, 1]; by chance one in a million fails, and the key is fixed."""
    assert scipy.stats.kstest(np.ravel(values), "uniform").pvalue > 1e-6


def test_interpolated_points_are_uniform_on_their_segments():
    real, fake = map(jnp.asarray, drawn(0, (500, 5), (500, 5)))
    shares = np.asarray((interpolate(jax.random.key(0), real, fake) - fake) / (real - fake))
    # Roundings of 1e-16 divided by differences down to 1e-4.
    np.testing.assert_allclose(shares, np.broadcast_to(shares[:, :1], shares.shape), rtol=0, atol=1e-11)
    assert_uniform(shares[:, 0])


def test_perturbed_points_lie_between_real_images_and_noisy_ones():
    """Noise is up to half the standard deviation over all pixels, independent per pixel; each image has one share."""
    scales = jnp.asarray([0.1, 1.0, 3.0] * 100)[None]
    real = scales * jnp.asarray(drawn(0, (2000, 300))[0]) + 7
    moved = np.asarray(perturb_real(jax.random.key(0), real, real) - real) / (DRAGAN_NOISE_SCALE * np.std(real))
    assert DRAGAN_NOISE_SCALE == 0.5
    # The maximum of 300 uniform numbers is 1 within 1 / 300, so the largest entry is the image's share.
    shares = moved.max(axis=1)
    assert_uniform(shares)
    noise = (moved / shares[:, None])[shares > 0.1]
    for column in noise.T[::50]:
        assert_uniform(column)
    # Independent pixels: the correlation of 1800 pairs has a standard deviation of 1 / sqrt(1800) = 0.024; five of
    # them.
    assert np.abs(np.corrcoef(noise.T[:5]) - np.eye(5)).max() < 0.12


@pytest.mark.parametrize("pack_size", [2, 5])
def test_a_pack_has_one_share(pack_size):
    """D takes a pack as one input: its point is on the line between a real and a generated pack."""
    real, fake = map(jnp.asarray, drawn(0, (20, 5), (20, 5)))
    shares = np.asarray((interpolate(jax.random.key(0), real, fake, pack_size) - fake) / (real - fake))
    np.testing.assert_allclose(shares, np.repeat(shares[::pack_size, :1], pack_size, axis=0) * np.ones(5), atol=1e-11)
    assert len(np.unique(shares[::pack_size, 0].round(6))) == 20 // pack_size
    zeros, ones = jnp.zeros((20, 784)), jnp.ones((20, 784))
    image = jnp.concatenate([zeros, ones], axis=1)  # standard deviation 1/2
    largest = np.asarray(perturb_real(jax.random.key(0), image, image, pack_size) - image).max(axis=1)
    # The maximum of 1568 uniform numbers is within a hundredth of 1; shares of different packs are farther apart.
    np.testing.assert_allclose(
        largest.reshape(-1, pack_size), largest[::pack_size, None] * np.ones(pack_size), rtol=0.01
    )
    assert np.abs(np.diff(np.sort(largest[::pack_size]))).max() > 0.01


KEY = 7
WEIGHT = 2.5


def terms(name: str, weights: dict[str, float], scales: jax.Array) -> tuple[jax.Array, list[jax.Array], np.ndarray]:
    """Return logits and penalties of a quadratic D, sum(scales * x**2) / 2, and its squared input-gradient norms."""
    real, fake = map(jnp.asarray, drawn(3, (6, 4), (6, 4)))
    batch = jnp.stack([real, fake], axis=1).reshape(12, 4)
    points = draw_points(lambda: jax.random.key(KEY), real, fake, weights, 1)
    kind = PENALTIES[name].points
    if isinstance(kind, Sampler):
        assert [each.name for each in points] == ([name] if weights else [])
        images = kind.draw(jax.random.fold_in(jax.random.key(KEY), kind.keys[0]), real, fake, 1)
    else:
        assert points == []
        images = {"real": real, "fake": fake}[kind]

    def discriminator(images: jax.Array, *_: Any, **__: Any) -> jax.Array:
        return (scales[None] * images**2).sum(axis=1) / 2

    logits, penalties = logits_and_penalties(discriminator, batch, jax.random.key(0), points, weights, 1)
    return logits, penalties, np.sum(np.asarray(scales[None] * jnp.asarray(images)) ** 2, axis=1)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_obeys_the_protocol(name):
    """Penalties are taken at their own points, off without a weight, finite at extreme gradients, and pure."""
    scales = jnp.asarray([3.0, 0.0, 4.0, 0.5])
    logits, [found], squared_norms = terms(name, {name: WEIGHT}, scales)
    # Round-off of a few float64 operations.
    np.testing.assert_allclose(found, WEIGHT * PENALTIES[name].penalty(jnp.asarray(squared_norms)), rtol=1e-12)
    plain, none, _ = terms(name, {}, scales)
    assert none == []
    np.testing.assert_array_equal(plain, logits)
    for size in (1e-30, 1e15):  # the squares: flushed to 0, or within float32

        def value(scales: jax.Array) -> jax.Array:
            return terms_in_float32(name, scales)

        with jax.enable_x64(False):
            gradient = jax.grad(value)(jnp.full(4, size, jnp.float32))
        assert np.isfinite(gradient).all()
    again, [same], _ = terms(name, {name: WEIGHT}, scales)
    np.testing.assert_array_equal((again.sum(), same), (logits.sum(), found))


def terms_in_float32(name: str, kernel: jax.Array) -> jax.Array:
    """Return the penalty of a linear D, whose input gradient is the kernel at every image."""
    real, fake = (jnp.asarray(each, jnp.float32) for each in drawn(3, (6, 4), (6, 4)))
    batch = jnp.stack([real, fake], axis=1).reshape(12, 4)
    points = draw_points(lambda: jax.random.key(KEY), real, fake, {name: WEIGHT}, 1)
    [penalty] = logits_and_penalties(
        lambda images, *_, **__: images @ kernel, batch, jax.random.key(0), points, {name: WEIGHT}, 1
    )[1]
    return penalty


def test_every_penalty_has_a_weight_in_the_configuration():
    """An entry in PENALTIES needs a field of its name in gan_jax.config.Hyperparameters, 0 by default."""
    weights = specs(Hyperparameters)
    for name in PENALTIES:
        assert name in weights, f"{name} is in losses/gradient_penalty.py and not in config.py"
        assert getattr(Hyperparameters(), name) == 0


def test_samplers_share_no_key():
    """Shared keys would correlate two penalties, or a penalty's points and its dropout."""
    samplers = [penalty.points for penalty in PENALTIES.values() if isinstance(penalty.points, Sampler)]
    numbers = [number for sampler in samplers for number in sampler.keys]
    assert len(numbers) == len(set(numbers)) == 2 * len(samplers) > 0
