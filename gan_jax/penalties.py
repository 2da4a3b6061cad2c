"""Penalties on the discriminator's slopes in its images, each a number to add to any of the losses.

A slope is the gradient of D's logit in one image. D is given as a function of images float32 (batch, size) to logits
float32 (batch,); where a logit depends on other images too, in a pack or a group, a slope is that of all logits' sum.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

Discriminator = Callable[[Array], Array]

TINY = 1e-12  # under a root whose slope at 0 would be infinite
SHARE_OF_DEVIATION = 0.5  # of the real images, up to which DRAGAN disturbs them


def logits_and_squared_slopes(discriminator: Discriminator, images: Array) -> tuple[Array, Array]:
    """D's logits and its slopes' squared Euclidean norms, float32 (batch,) each."""
    logits, pullback = jax.vjp(discriminator, images)
    [slopes] = pullback(jnp.ones_like(logits))
    return logits, (slopes**2).sum(axis=1)


def zero_centred(squared_slopes: Array) -> Array:
    """E |D's slope|^2 / 2: R1 of real images, R2 of generated ones, at weight 1 (Mescheder et al. 2018, eq. 9 and 10).

    Args:
        squared_slopes: float32 (batch,).
    """
    return squared_slopes.mean() / 2


def one_centred(squared_slopes: Array) -> Array:
    """E (|D's slope| - 1)^2, which keeps D close to 1-Lipschitz where it is measured (Gulrajani et al. 2017, eq. 3).

    Args:
        squared_slopes: float32 (batch,).
    """
    return ((jnp.sqrt(squared_slopes + TINY) - 1) ** 2).mean()


def between(key: Array, real_images: Array, fake_images: Array, packing: int = 1) -> Array:
    """A point drawn from each line between a real and a generated image (Gulrajani et al. 2017, algorithm 1).

    Args:
        key: typed key ().
        real_images: float32 (batch, size).
        fake_images: the same.
        packing: images that D sees as one, which have one share: the line is between what D sees.
    """
    share = _shares(key, len(real_images), packing)
    return share * real_images + (1 - share) * fake_images


def around(key: Array, real_images: Array, packing: int = 1) -> Array:
    """A point drawn from each line between a real image and that image disturbed (DRAGAN: Kodali et al. 2017).

    As in the authors' code, where a pixel is disturbed by a uniform number from 0 to half of the deviation of all; the
    paper's noise is normal. `packing` is as in `between`.
    """
    noise_key, share_key = jax.random.split(key)
    disturbance = SHARE_OF_DEVIATION * real_images.std() * jax.random.uniform(noise_key, real_images.shape)
    return real_images + _shares(share_key, len(real_images), packing) * disturbance


def _shares(key: Array, images: int, packing: int) -> Array:
    """Uniform in [0, 1), one for each pack of consecutive images, float32 (images, 1)."""
    return jnp.repeat(jax.random.uniform(key, (images // packing, 1)), packing, axis=0)
