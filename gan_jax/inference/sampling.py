"""Sampling of a trained generator, and interpolation between its latents."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.config import MAX_SEED
from gan_jax.errors import require
from gan_jax.inference.pretrained import TrainedGenerator
from gan_jax.models.mlp import LATENT_SIZE
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.prng import Stream
from gan_jax.utils.jit import deterministic_jit

MAX_IMAGES = 10_000


def sample_images(generator: TrainedGenerator, count: int, seed: int) -> Array:
    """Generate images float32 (count, 784) in [-1, 1]; a larger count starts with the same images.

    Raises UserError unless count is from 1 to 10 000 and seed from 0 to 2**32 - 1.
    """
    require(1 <= count <= MAX_IMAGES, f"the count must be from 1 to {MAX_IMAGES}, not {count}")
    latents = sample_latents(_root(seed), Stream.DRAWN_SAMPLES, count)
    return generate(generator.params, latents, hparams=generator.hparams)


def interpolate_images(generator: TrainedGenerator, rows: int, steps: int, seed: int) -> Array:
    """Generate images float32 (rows, steps, 784) in [-1, 1]; each row runs from one latent to another, both included.

    Raises UserError unless there are at least 1 row and 2 steps, and at most 10 000 images.
    """
    require(rows >= 1, f"rows must be at least 1, not {rows}")
    require(steps >= 2, f"steps must be at least 2, for the two ends, not {steps}")
    require(rows * steps <= MAX_IMAGES, f"{rows} rows of {steps} steps are more than {MAX_IMAGES} images")
    starts, ends = (
        sample_latents(_root(seed), Stream.INTERPOLATION, 2 * rows).reshape(rows, 2, LATENT_SIZE).swapaxes(0, 1)
    )
    latents = slerp(starts, ends, steps).reshape(-1, LATENT_SIZE)
    return generate(generator.params, latents, hparams=generator.hparams).reshape(rows, steps, -1)


@partial(deterministic_jit, static_argnames="steps")
def slerp(starts: Array, ends: Array, steps: int) -> Array:
    """Interpolate between latents in equal angles along great circles (White 2016, arXiv:1609.04468).

    Nearly all of a normal distribution in 128 dimensions lies close to the sphere of radius sqrt(128). The middle of a
    straight line between two latents would be at 0.7 of that radius, where G was hardly ever trained.

    Args:
        starts, ends: float32 (n, d), no two opposite each other.
        steps: points on each path, at least 2, including both ends.

    Returns:
        float32 (n, steps, d).
    """
    cosine = jnp.sum(starts * ends, -1) / (jnp.linalg.norm(starts, axis=-1) * jnp.linalg.norm(ends, axis=-1))
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))[:, None, None]
    share = jnp.linspace(0, 1, steps)[None, :, None]

    def weight(share: Array) -> Array:
        """Compute sin(share angle) / sin(angle), and its limit where the angle is 0."""
        return share * jnp.sinc(share * angle / jnp.pi) / jnp.sinc(angle / jnp.pi)

    return weight(1 - share) * starts[:, None] + weight(share) * ends[:, None]


def _root(seed: int) -> Array:
    require(0 <= seed <= MAX_SEED, f"the seed must be from 0 to {MAX_SEED}, not {seed}")
    return jax.random.key(seed)
