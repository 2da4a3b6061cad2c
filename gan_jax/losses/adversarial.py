"""The losses of the two players, as pairs of pure functions of logits, in one table.

Both functions of a pair take the discriminator's logits on real and on generated images and the targets, whether
they read them or not: a relativistic generator loss compares the two, and what a loss leaves unread, XLA does not
compute. Penalties on D's input gradients, which need D itself, are in `gradient_penalty`, for any of the losses.

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
else:  # the configuration and the command line read the table's names
    from gan_jax.utils.lazy import chex, jax, jnp

    Array = Any


class Targets(NamedTuple):
    """The probabilities that stand for "real" and "generated"; other values than 1 / 0 / 1 smooth the labels."""

    real: float = 1.0  # for D on real images, in [0, 1]
    fake: float = 0.0  # for D on generated images, in [0, 1]
    generator: float = 1.0  # for G on generated images, in [0, 1]


LossFunction = Callable[[Array, Array, Targets], Array]


class GanLoss(NamedTuple):
    """Losses of D and G: `(real_logits, fake_logits, targets) -> float32 ()` each.

    Logits are float32 (batch,), positive where D takes the image for real.
    """

    discriminator: LossFunction
    generator: LossFunction
    uses_targets: bool = True  # where not, other targets than 1, 0 and 1 are refused: they would change nothing
    shift_invariant: bool = False  # logits are known but for a constant, so that D(x) alone means nothing


def cross_entropy(logits: Array, target: float) -> Array:
    """Mean binary cross entropy -target log D - (1 - target) log(1 - D).

    Args:
        logits: float32 (batch,).
        target: in [0, 1], known when the function is traced.

    Returns:
        float32 ().

    Raises:
        AssertionError: if the logits are not of rank 1, which would otherwise broadcast.
    """
    chex.assert_rank(logits, 1)
    if target == 1.0:  # the absent term is left out rather than multiplied by 0, which is not finite times inf
        return jax.nn.softplus(-logits).mean()
    if target == 0.0:
        return jax.nn.softplus(logits).mean()
    return (target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)).mean()


def discriminator_cross_entropy(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """-E log D(x) - E log(1 - D(G(z))) at targets 1 and 0 (Goodfellow et al. 2014, equation 1); 2 log 2 at D = 1/2."""
    chex.assert_equal_shape([real_logits, fake_logits])
    return cross_entropy(real_logits, targets.real) + cross_entropy(fake_logits, targets.fake)


def non_saturating_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """-E log D(G(z)) (Goodfellow et al. 2014, section 3); its gradient per logit is -(1 - D), log 2 at D = 1/2."""
    del real_logits
    return cross_entropy(fake_logits, targets.generator)


def saturating_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """E log(1 - D(G(z))) at target 1 (Goodfellow et al. 2014, equation 1); its gradient per logit is -D.

    G maximises the cross entropy against the opposite of its target. With D's labels smoothed it is no longer what D
    minimises on generated images, unless G's target is smoothed alike: the zero-sum game is at generator = 1 - fake.
    """
    del real_logits
    return -cross_entropy(fake_logits, 1 - targets.generator)


def least_squares_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2 at targets b and a (Mao et al. 2017, equation 2).

    D = 1/2 + logit here, without a sigmoid, so that a positive logit says "real" as in the other losses. The verdicts
    in metrics.csv are the sigmoid's all the same, and nearer to 1/2 than this D.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return _half_square(real_logits, targets.real) + _half_square(fake_logits, targets.fake)


def least_squares_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """E (D(G(z)) - c)^2 / 2 at G's target c (Mao et al. 2017, equation 2), with D as in D's loss."""
    del real_logits
    return _half_square(fake_logits, targets.generator)


def _half_square(logits: Array, target: float) -> Array:
    chex.assert_rank(logits, 1)
    return ((logits + 0.5 - target) ** 2).mean() / 2


def hinge_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) of logits (Lim and Ye 2017, arXiv:1705.02894, section 2.1)."""
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return jax.nn.relu(1 - real_logits).mean() + jax.nn.relu(1 + fake_logits).mean()


def wasserstein_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """E D(G(z)) - E D(x) of logits (Arjovsky et al. 2017, equation 2); D must be kept from being steep elsewhere."""
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return fake_logits.mean() - real_logits.mean()


def linear_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """-E D(G(z)) of logits: G's loss against a hinge or a Wasserstein D."""
    del real_logits, targets
    chex.assert_rank(fake_logits, 1)
    return -fake_logits.mean()


def relativistic_discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """-E log sigmoid(D(x) - D(G(z))) of logits, pair by pair (Jolicoeur-Martineau 2018).

    Also the loss of R3GAN (Huang et al. 2024, arXiv:2501.05441); log 2 where D cannot tell them apart.
    """
    del targets
    chex.assert_equal_shape([real_logits, fake_logits])
    chex.assert_rank(real_logits, 1)
    return jax.nn.softplus(fake_logits - real_logits).mean()


def relativistic_generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """-E log sigmoid(D(G(z)) - D(x)) of logits (Jolicoeur-Martineau 2018, arXiv:1807.00734)."""
    return relativistic_discriminator(fake_logits, real_logits, targets)


# The only place that knows which losses there are: an entry added here is a run's, and the command line's, to choose.
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


def equilibrium_losses(name: str, targets: Targets) -> tuple[float, float]:
    """D's loss and G's where D cannot tell real from generated: logits of 0, D = 1/2 everywhere."""
    loss, zero = LOSSES[name], jnp.zeros(1)
    return float(loss.discriminator(zero, zero, targets)), float(loss.generator(zero, zero, targets))
