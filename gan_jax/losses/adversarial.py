"""Adversarial losses of D and G, as pairs of pure functions of logits, in one table.

Both functions of a pair take D's logits on real and on generated images and the targets, even if they do not use all of
them: a relativistic generator loss needs both logits, and XLA does not compute unused ones. Penalties on D's input
gradients, which can be added to any of the losses, are in `gradient_penalty`, since they need D itself.

With D = sigmoid(logit), -log D = softplus(-logit) and -log(1 - D) = softplus(logit): exact at any logit, where
log(sigmoid(logit)) is -inf from about -88 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import chex
    import jax
    import jax.numpy as jnp
    from jax import Array
else:  # the configuration and the command line only need the table's names
    from gan_jax.utils.lazy import chex, jax, jnp

    Array = Any


class Targets(NamedTuple):
    """Target labels of both losses. Values other than (1, 0, 1) give label smoothing."""

    real: float = 1.0  # for D on real images, in [0, 1]
    fake: float = 0.0  # for D on generated images, in [0, 1]
    generator: float = 1.0  # for G on generated images, in [0, 1]


LossFunction = Callable[[Array, Array, Targets], Array]


class GanLoss(NamedTuple):
    """Losses of D and G, each a function `(real_logits, fake_logits, targets) -> float32 ()`.

    Logits are float32 (batch,), and positive where D classifies an image as real.
    """

    discriminator: LossFunction
    generator: LossFunction
    uses_targets: bool = True  # if not, targets other than (1, 0, 1) are refused, since they would have no effect
    shift_invariant: bool = False  # adding a constant to all logits changes nothing: D(x) has no absolute meaning


def cross_entropy(logits: Array, target: float) -> Array:
    """Compute the mean binary cross-entropy -target log D - (1 - target) log(1 - D).

    Args:
        logits: float32 (batch,).
        target: in [0, 1], static.

    Returns:
        float32 ().

    Raises:
        AssertionError: if the logits are not of rank 1; other shapes might broadcast silently.
    """
    chex.assert_rank(logits, 1)
    if target == 1.0:  # no term times 0, which is NaN if the term is infinite
        return jax.nn.softplus(-logits).mean()
    if target == 0.0:
        return jax.nn.softplus(logits).mean()
    return (target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)).mean()


def discriminator_cross_entropy(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute -E log D(x) - E log(1 - D(G(z))) at targets 1 and 0 (Goodfellow et al. 2014, equation 1).

    It is 2 log 2 at D = 1/2.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return cross_entropy(real_logits, targets.real) + cross_entropy(fake_logits, targets.fake)


def non_saturating_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute -E log D(G(z)) at target 1 (Goodfellow et al. 2014, section 3).

    It is log 2 at D = 1/2. Its derivative with respect to a logit is -(1 - D).
    """
    del real_logits
    return cross_entropy(fake_logits, targets.generator)


def saturating_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute E log(1 - D(G(z))) at target 1 (Goodfellow et al. 2014, equation 1).

    Its derivative with respect to a logit is -D. In general, G maximizes the cross-entropy with target 1 - generator:
    the game is zero-sum only if that equals D's target for generated images, generator = 1 - fake.
    """
    del real_logits
    return -cross_entropy(fake_logits, 1 - targets.generator)


def least_squares_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2 at targets b and a (Mao et al. 2017, equation 2).

    Here D = 1/2 + logit, without a sigmoid, so that a positive logit means "real" as in the other losses. The metrics
    real_probability and fake_probability are sigmoids nevertheless, and closer to 1/2 than this D.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return _half_square(real_logits, targets.real) + _half_square(fake_logits, targets.fake)


def least_squares_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute E (D(G(z)) - c)^2 / 2 at G's target c (Mao et al. 2017, equation 2), with D = 1/2 + logit."""
    del real_logits
    return _half_square(fake_logits, targets.generator)


def _half_square(logits: Array, target: float) -> Array:
    chex.assert_rank(logits, 1)
    return ((logits + 0.5 - target) ** 2).mean() / 2


def hinge_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) of logits (Lim and Ye 2017, arXiv:1705.02894, section 2.1)."""
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return jax.nn.relu(1 - real_logits).mean() + jax.nn.relu(1 + fake_logits).mean()


def wasserstein_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute E D(G(z)) - E D(x) of logits (Arjovsky et al. 2017, equation 2).

    D must be kept close to 1-Lipschitz by a penalty or by spectral normalization.
    """
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return fake_logits.mean() - real_logits.mean()


def linear_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute -E D(G(z)) of logits, G's loss with the hinge and Wasserstein losses of D."""
    del real_logits, targets
    chex.assert_rank(fake_logits, 1)
    return -fake_logits.mean()


def relativistic_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute -E log sigmoid(D(x) - D(G(z))) over pairs of logits (Jolicoeur-Martineau 2018, arXiv:1807.00734).

    R3GAN uses the same loss (Huang et al. 2024, arXiv:2501.05441). It is log 2 where D cannot tell real from generated.
    """
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return jax.nn.softplus(fake_logits - real_logits).mean()


def relativistic_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute -E log sigmoid(D(G(z)) - D(x)) over pairs of logits (Jolicoeur-Martineau 2018, arXiv:1807.00734)."""
    return relativistic_discriminator(fake_logits, real_logits, targets)


# The only list of losses: configurations and the command line accept the names of its entries.
LOSSES: dict[str, GanLoss] = {
    "non_saturating": GanLoss(discriminator_cross_entropy, non_saturating_generator),
    "saturating": GanLoss(discriminator_cross_entropy, saturating_generator),
    "least_squares": GanLoss(least_squares_discriminator, least_squares_generator),
    "hinge": GanLoss(hinge_discriminator, linear_generator, uses_targets=False),
    "wasserstein": GanLoss(wasserstein_discriminator, linear_generator, uses_targets=False, shift_invariant=True),
    "relativistic": GanLoss(
        relativistic_discriminator, relativistic_generator, uses_targets=False, shift_invariant=True
    ),
}


def losses_at_half(name: str, targets: Targets) -> tuple[float, float]:
    """Compute both losses at logit 0, D = 1/2."""
    loss, zero = LOSSES[name], jnp.zeros(1)
    return float(loss.discriminator(zero, zero, targets)), float(loss.generator(zero, zero, targets))
