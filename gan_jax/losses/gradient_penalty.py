"""Gradient penalties on the discriminator, in one table; each can be added to any adversarial loss.

The penalized quantity is the norm of the input gradient, the gradient of D's logit with respect to an image. D maps
images float32 (batch, size) to logits float32 (batch,). If a logit also depends on other images, in a pack or in a
group of the minibatch standard deviation, the gradient is that of the sum of all logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp
    from jax import Array
else:  # the configuration and the command line only need the table's names
    from gan_jax.utils.lazy import jax, jnp

    Array = Any

EPS = 1e-12  # added under a root whose gradient would be infinite at 0
DRAGAN_NOISE_SCALE = 0.5  # times the standard deviation of the real images' pixels


class Discriminator(Protocol):
    """Discriminator in training, as the penalties call it."""

    def __call__(self, images: Array, interleaved: int, dropout_key: Array) -> Array:
        """Compute logits; `interleaved` is 2 if the batch alternates between real and generated images, else 1."""
        ...


class Sampler(NamedTuple):
    """Sampler of other points than the images of the adversarial loss, which take a separate forward pass."""

    draw: Callable[[Array, Array, Array, int], Array]  # (key, real_images, fake_images, pack_size) -> images
    # Numbers of the random keys of the points and of their dropout. Changing one changes the bits of runs: a new
    # sampler takes new numbers.
    keys: tuple[int, int]


class GradientPenalty(NamedTuple):
    """Penalty: the images at which D's gradient is taken, and the function of its squared norm.

    "real" and "fake" are the images of the adversarial loss, and share its forward pass.

    A new penalty is an entry in PENALTIES and a field of the same name in `gan_jax.config.Hyperparameters`, its weight:
    the option, its check and help, config.json and the protocol test follow. A plugin's penalty has no such field: its
    weight is in `Hyperparameters.plugin_penalties`.
    """

    points: Literal["real", "fake"] | Sampler
    penalty: Callable[[Array], Array]  # squared norms float32 (batch // pack_size,) -> float32 ()


class Points(NamedTuple):
    """Images at which a penalty takes D's gradient."""

    name: str  # of the penalty
    images: Array  # float32 (batch, size)
    dropout_key: Array  # typed key ()


def zero_centered(squared_norms: Array) -> Array:
    """Compute E |gradient|^2 / 2: R1 at real images, R2 at generated ones (Mescheder et al. 2018, equations 9 and 10).

    Args:
        squared_norms: float32 (batch,).
    """
    return squared_norms.mean() / 2


def one_centered(squared_norms: Array) -> Array:
    """Compute E (|gradient| - 1)^2, which keeps D close to 1-Lipschitz (Gulrajani et al. 2017, equation 3).

    Args:
        squared_norms: float32 (batch,).
    """
    return ((jnp.sqrt(squared_norms + EPS) - 1) ** 2).mean()


def interpolate(key: Array, real_images: Array, fake_images: Array, pack_size: int = 1) -> Array:
    """Draw a point on each line between a real and a generated image (Gulrajani et al. 2017, algorithm 1).

    Args:
        key: typed key ().
        real_images: float32 (batch, size).
        fake_images: float32 (batch, size).
        pack_size: images per input of D; a pack shares its mixing weight, so that the line joins two inputs of D.
    """
    share = _mixing_weights(key, len(real_images), pack_size)
    return share * real_images + (1 - share) * fake_images


def perturb_real(key: Array, real_images: Array, fake_images: Array, pack_size: int = 1) -> Array:
    """Draw a point on each line between a real image and a perturbed copy of it (DRAGAN: Kodali et al. 2017).

    As in the authors' code, the perturbation of a pixel is uniform between 0 and half the standard deviation of all
    pixels; in the paper it is normal. Arguments are as for `interpolate`; `fake_images` is unused.
    """
    noise_key, share_key = jax.random.split(key)
    noise = DRAGAN_NOISE_SCALE * real_images.std() * jax.random.uniform(noise_key, real_images.shape)
    return real_images + _mixing_weights(share_key, len(real_images), pack_size) * noise


def _mixing_weights(key: Array, images: int, pack_size: int) -> Array:
    """Draw a uniform number in [0, 1) for each pack of consecutive images: float32 (images, 1)."""
    return jnp.repeat(jax.random.uniform(key, (images // pack_size, 1)), pack_size, axis=0)


PENALTIES: dict[str, GradientPenalty] = {
    "r1": GradientPenalty("real", zero_centered),
    "r2": GradientPenalty("fake", zero_centered),
    "gradient_penalty": GradientPenalty(Sampler(interpolate, keys=(0, 2)), one_centered),  # WGAN-GP
    "dragan": GradientPenalty(Sampler(perturb_real, keys=(1, 3)), one_centered),
}


def draw_points(
    key: Callable[[], Array], real_images: Array, fake_images: Array, weights: Mapping[str, float], pack_size: int
) -> list[Points]:
    """Draw the points of each penalty that has a weight and a sampler.

    Args:
        key: makes a typed key (); not called if nothing is drawn.
        real_images: float32 (batch, size), without instance noise.
        fake_images: float32 (batch, size), without instance noise.
        weights: by penalty; penalties of weight 0 are absent.
        pack_size: images per input of D.
    """
    drawn = []
    for name, (sampler, _) in PENALTIES.items():
        if name in weights and isinstance(sampler, Sampler):
            images = sampler.draw(jax.random.fold_in(key(), sampler.keys[0]), real_images, fake_images, pack_size)
            drawn.append(Points(name, images, jax.random.fold_in(key(), sampler.keys[1])))
    return drawn


def logits_and_penalties(
    discriminator: Discriminator,
    batch: Array,
    dropout_key: Array,
    points: Sequence[Points],
    weights: Mapping[str, float],
    pack_size: int,
) -> tuple[Array, list[Array]]:
    """Compute D's logits on a batch and the weighted penalties; without penalties there is no extra computation.

    Args:
        discriminator: D.
        batch: float32 (2 batch, size), alternately real and generated images.
        dropout_key: typed key (), for D's pass over the batch.
        points: the result of `draw_points`.
        weights: by penalty; penalties of weight 0 are absent.
        pack_size: images per input of D.

    Returns:
        Logits float32 (2 batch // pack_size,), alternately of real and generated images, and penalties float32 ().
    """
    penalties = []
    on_batch = [name for name in PENALTIES if name in weights and not isinstance(PENALTIES[name].points, Sampler)]
    if on_batch:
        apply = partial(discriminator, interleaved=2, dropout_key=dropout_key)
        logits, squared_norms = logits_and_squared_grad_norms(apply, batch)
        # The gradient's squared norm for a pack is the sum over its images.
        real_norms, fake_norms = squared_norms.reshape(-1, pack_size, 2).sum(axis=1).T
        for name in on_batch:
            norms = real_norms if PENALTIES[name].points == "real" else fake_norms
            penalties.append(weights[name] * PENALTIES[name].penalty(norms))
    else:
        logits = discriminator(batch, 2, dropout_key)
    for name, images, points_dropout_key in points:
        apply = partial(discriminator, interleaved=1, dropout_key=points_dropout_key)
        _, squared_norms = logits_and_squared_grad_norms(apply, images)
        norms = squared_norms.reshape(-1, pack_size).sum(axis=1)
        penalties.append(weights[name] * PENALTIES[name].penalty(norms))
    return logits, penalties


def logits_and_squared_grad_norms(discriminator: Callable[[Array], Array], images: Array) -> tuple[Array, Array]:
    """Compute D's logits and the squared Euclidean norms of its input gradients, float32 (batch,) each."""
    logits, pullback = jax.vjp(discriminator, images)
    [gradients] = pullback(jnp.ones_like(logits))
    return logits, (gradients**2).sum(axis=1)
