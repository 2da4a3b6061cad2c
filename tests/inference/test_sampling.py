"""Latents of samples and interpolations: their geometry, and their independence of counts and other streams."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.errors import UserError
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.sampling import interpolate_images, sample_images, slerp
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.prng import Stream

ROUNDING = 1e-5  # float32 round-off in sums of 128 terms and their arccos
# The same product with another number of rows: XLA may sum in another order. Images are in [-1, 1].
OTHER_BATCH = 1e-4


def test_the_first_samples_do_not_depend_on_the_count():
    generator = load_generator()
    few, many = sample_images(generator, 3, 7), sample_images(generator, 50, 7)
    np.testing.assert_allclose(few, many[:3], atol=OTHER_BATCH)
    assert not np.allclose(few, sample_images(generator, 3, 8), atol=0.1)


def test_drawn_samples_have_a_separate_stream():
    """The latents differ from all that a run with this seed is trained or evaluated with."""
    drawn = sample_latents(jax.random.key(1), Stream.DRAWN_SAMPLES, 4)
    for stream in set(Stream) - {Stream.DRAWN_SAMPLES}:
        assert not np.allclose(drawn, sample_latents(jax.random.key(1), stream, 4))
    generator = load_generator()
    expected = generate(generator.params, drawn, hparams=generator.hparams)
    np.testing.assert_array_equal(sample_images(generator, 4, 1), expected)


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_slerp_takes_equal_steps_on_an_arc(steps):
    starts, ends = jax.random.normal(jax.random.key(0), (2, 5, 128))
    starts, ends = (each / jnp.linalg.norm(each, axis=-1, keepdims=True) for each in (starts, ends))
    path = np.asarray(slerp(starts, ends, steps), np.float64)
    assert path.shape == (5, steps, 128)
    np.testing.assert_allclose(path[:, 0], starts, atol=ROUNDING)
    np.testing.assert_allclose(path[:, -1], ends, atol=ROUNDING)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1, atol=ROUNDING)  # the middle of a straight line has 0.7
    whole = np.arccos(np.sum(path[:, 0] * path[:, -1], -1))
    between = np.arccos(np.clip(np.sum(path[:, :-1] * path[:, 1:], -1), -1, 1))
    np.testing.assert_allclose(between, np.repeat(whole[:, None] / (steps - 1), steps - 1, axis=1), atol=ROUNDING)


def test_slerp_between_equal_points_is_constant():
    point = jax.random.normal(jax.random.key(0), (1, 128))
    np.testing.assert_allclose(slerp(point, point, 4), jnp.tile(point[:, None], (1, 4, 1)), rtol=1e-3)


def test_rows_interpolate_between_different_samples():
    generator = load_generator()
    images = interpolate_images(generator, 3, 5, 0)
    assert images.shape == (3, 5, 784)
    ends = sample_latents(jax.random.key(0), Stream.INTERPOLATION, 6)
    expected = generate(generator.params, ends, hparams=generator.hparams).reshape(3, 2, 784)
    np.testing.assert_allclose(images[:, [0, -1]], expected, atol=OTHER_BATCH)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (10_001, 0), (1, -1), (1, 2**32)])
def test_counts_and_seeds_have_bounds(count, seed):
    with pytest.raises(UserError, match="must be from"):
        sample_images(load_generator(), count, seed)


@pytest.mark.parametrize(("rows", "steps"), [(0, 2), (1, 1), (101, 100), (-200, -100)])
def test_interpolation_sizes_have_bounds(rows, steps):
    with pytest.raises(UserError, match=r"must be at least|more than"):
        interpolate_images(load_generator(), rows, steps, 0)
