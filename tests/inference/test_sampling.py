"""Latents of samples and of the ways between them, by their geometry and by what they do not depend on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.errors import UserError
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.sampling import interpolate_images, sample_images, slerp
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.prng import Stream

ROUNDING = 1e-5  # of float32, in sums of 128 and arccos of them
# The same product with another number of rows: XLA may sum in another order. Images are in [-1, 1].
OTHER_BATCH = 1e-4


def test_of_more_samples_the_first_are_the_same():
    generator = load_generator()
    few, many = sample_images(generator, 3, 7), sample_images(generator, 50, 7)
    np.testing.assert_allclose(few, many[:3], atol=OTHER_BATCH)
    assert not np.allclose(few, sample_images(generator, 3, 8), atol=0.1)


def test_the_latents_are_a_stream_of_their_own():
    """Not those that the run with this seed was looked at or trained with."""
    drawn = sample_latents(jax.random.key(1), Stream.DRAWN_SAMPLES, 4)
    for stream in set(Stream) - {Stream.DRAWN_SAMPLES}:
        assert not np.allclose(drawn, sample_latents(jax.random.key(1), stream, 4))
    generator = load_generator()
    expected = generate(generator.params, drawn, hparams=generator.hparams)
    np.testing.assert_array_equal(sample_images(generator, 4, 1), expected)


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_a_way_is_an_arc_in_equal_steps(steps):
    starts, ends = jax.random.normal(jax.random.key(0), (2, 5, 128))
    starts, ends = (each / jnp.linalg.norm(each, axis=-1, keepdims=True) for each in (starts, ends))
    way = np.asarray(slerp(starts, ends, steps), np.float64)
    assert way.shape == (5, steps, 128)
    np.testing.assert_allclose(way[:, 0], starts, atol=ROUNDING)
    np.testing.assert_allclose(way[:, -1], ends, atol=ROUNDING)
    np.testing.assert_allclose(np.linalg.norm(way, axis=-1), 1, atol=ROUNDING)  # a straight way's middle: 0.7
    whole = np.arccos(np.sum(way[:, 0] * way[:, -1], -1))
    between = np.arccos(np.clip(np.sum(way[:, :-1] * way[:, 1:], -1), -1, 1))
    np.testing.assert_allclose(between, np.repeat(whole[:, None] / (steps - 1), steps - 1, axis=1), atol=ROUNDING)


def test_a_way_to_itself_stays():
    point = jax.random.normal(jax.random.key(0), (1, 128))
    np.testing.assert_allclose(slerp(point, point, 4), jnp.tile(point[:, None], (1, 4, 1)), rtol=1e-3)


def test_rows_are_different_ways_between_samples():
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
def test_ways_have_bounds(rows, steps):
    with pytest.raises(UserError, match=r"must be at least|more than"):
        interpolate_images(load_generator(), rows, steps, 0)
