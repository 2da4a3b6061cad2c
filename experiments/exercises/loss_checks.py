"""Checks of the losses: exercises 1, 2 and 10."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.exercises.verdicts import WrongAnswerError, as_numbers, close, exercise, require_equal
from gan_jax.losses.adversarial import Targets, cross_entropy

REAL, FAKE = (np.array(logits, np.float32) for logits in ([2.0, -1.0, 0.5, 3.0], [-3.0, 1.0, 0.25, -0.5]))
GIVEN = f"real_logits = {REAL.tolist()} and fake_logits = {FAKE.tolist()}"
GIVEN_FAKE = f"fake_logits = {FAKE.tolist()}"
LARGE = 1e4  # a logit where exp overflows and a sigmoid has rounded to 0 or 1
SMOOTH = Targets(real=0.9, fake=0.1)

SUM = "this is the sum over the batch. Take the mean, or the loss and its slope grow with the batch."
EACH = "this is one loss for each image. A loss is one number: take the mean over the batch."
TWICE = (
    "the sigmoid is applied twice: the arguments are logits, and the loss's formula in logits has the sigmoid inside."
)


def d_loss(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """Compute D's loss in float64."""
    return _softplus(-real).mean() + _softplus(fake).mean()


def _softplus(logits: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, logits.astype(float))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype(float)))


@exercise(1)
def discriminator_loss(discriminator_loss: Callable) -> str:
    """Check D's loss, its sign, mean and labels, and that it is exact at any logit."""
    right = d_loss(REAL, FAKE)
    only = "only one half of D's loss: D is paid for its answers to real images and for those to generated ones."
    found = discriminator_loss(jnp.asarray(REAL), jnp.asarray(FAKE))
    require_equal(
        "discriminator_loss", GIVEN, found, right,
        {
            "the sign is flipped: D would learn to be wrong. -log D is positive, so the loss is, too.": -right,
            SUM: len(REAL) * right,
            EACH: _softplus(-REAL) + _softplus(FAKE),
            "the labels are swapped: real images have the label 1 (-log D), generated ones 0 (-log(1 - D)).":
                d_loss(FAKE, REAL),
            TWICE: d_loss(_sigmoid(REAL), _sigmoid(FAKE)),
            f"this is {only} That of generated images is missing.": _softplus(-REAL).mean(),
            f"this is {only} That of real images is missing.": _softplus(FAKE).mean(),
            "this is half of it. The two means are added: at D = 1/2 the loss is 2 log 2 = 1.386.": right / 2,
        },
    )  # fmt: skip
    for real, fake, expected in ((-LARGE, LARGE, 2 * LARGE), (LARGE, -LARGE, 0.0)):
        given = f"logits of {real:g} for a real and {fake:g} for a generated image"
        arguments = jnp.array([real], jnp.float32), jnp.array([fake], jnp.float32)
        _require_exact("discriminator_loss", given, discriminator_loss, arguments, expected)
    return "right, and exact even where D is sure."


def _require_exact(name: str, given: str, loss: Callable, arguments: tuple, expected: float) -> None:
    """Raise WrongAnswerError unless a loss of cross-entropies is exact where a probability has rounded to 0 or 1."""
    found, slopes = jax.value_and_grad(lambda arguments: jnp.asarray(loss(*arguments)).sum())(arguments)
    if not np.isfinite(found):
        raise WrongAnswerError(
            f"right for small logits, but with {given} it is {float(found)}: the sigmoid has rounded to 0 or 1, or exp "
            "has overflowed, before the log is taken. Use jax.nn.softplus of the logit: -log D = softplus(-logit)."
        )
    if not close(found, expected):
        raise WrongAnswerError(
            f"right for small logits, but with {given} it is {float(found):g} and should be {expected:g}: a clipped "
            "probability, or a small number added inside the log, hides how wrong D is. Use jax.nn.softplus."
        )
    slope = sum(abs(float(leaf.sum())) for leaf in slopes)
    if not np.isfinite(slope) or not close(slope, abs(expected) / LARGE):
        raise WrongAnswerError(
            f"right in value, but with {given} its slope is {slope:g} in size and should be {abs(expected) / LARGE:g}: "
            "gradients pass through the branch of a jnp.where or a clip as well. Use jax.nn.softplus."
        )


@exercise(2)
def generator_losses(non_saturating: Callable, saturating: Callable) -> str:
    """Check both losses of G."""
    right = {"non_saturating": _softplus(-FAKE), "saturating": -_softplus(FAKE)}
    found = {
        name: loss(jnp.asarray(FAKE)) for name, loss in (("non_saturating", non_saturating), ("saturating", saturating))
    }
    other = {"non_saturating": "saturating", "saturating": "non_saturating"}
    flipped = "the sign is flipped: where G minimizes this, D(G(z)) falls. The loss must fall as D(G(z)) rises."
    twice = {"non_saturating": _softplus(-_sigmoid(FAKE)), "saturating": -_softplus(_sigmoid(FAKE))}
    for name, each in right.items():
        require_equal(
            name, GIVEN_FAKE, found[name], each.mean(),
            {
                f"the two losses are swapped: this is {other[name]}.": right[other[name]].mean(),
                f"`{name}`: {flipped}": -each.mean(),
                f"`{name}`: {SUM}": each.sum(),
                f"`{name}`: {EACH}": each,
                f"`{name}`: {TWICE}": twice[name].mean(),
                f"`{name}` is D's loss on generated images. G wants the opposite of it.": -right["saturating"].mean(),
            },
        )  # fmt: skip
    for logit in (-LARGE, LARGE):
        given, arguments = f"a logit of {logit:g}", (jnp.array([logit], jnp.float32),)
        _require_exact("non_saturating", given, non_saturating, arguments, max(-logit, 0.0))
        _require_exact("saturating", given, saturating, arguments, min(-logit, 0.0))
    return "both are right. Now look at their slopes."


@exercise(10)
def own_loss(straight_discriminator: Callable, straight_generator: Callable) -> str:
    """Check the loss of exercise 10: D's cross-entropy with targets, and a loss of G of equal slope anywhere."""
    real, fake = jnp.asarray(REAL), jnp.asarray(FAKE)

    def with_targets(a: float, b: float) -> float:
        return float(cross_entropy(real, a) + cross_entropy(fake, b))

    for targets in (Targets(), SMOOTH):
        right = with_targets(targets.real, targets.fake)
        require_equal(
            "straight_discriminator", f"{GIVEN} and {targets}", straight_discriminator(real, fake, targets), right,
            {
                "`straight_discriminator`: the sign is flipped.": -right,
                f"`straight_discriminator`: {SUM}": len(REAL) * right,
                "`straight_discriminator`: the targets are swapped.": with_targets(targets.fake, targets.real),
                "`straight_discriminator` does not read targets: with label smoothing it would be wrong.":
                    with_targets(1, 0),
                "`straight_discriminator` does not read targets.fake.": with_targets(targets.real, 0),
                "`straight_discriminator` does not read targets.real.": with_targets(1, targets.fake),
            },
        )  # fmt: skip
    _require_straight(straight_generator, real, fake)
    return "right: G's slope is the same whatever D answers."


def _require_straight(loss: Callable, real: Any, fake: Any) -> None:
    named = "`straight_generator`"
    found = as_numbers("straight_generator", loss(real, fake, Targets()))
    slopes = np.asarray(
        jax.grad(lambda both: jnp.asarray(loss(*both, Targets())).sum())((real, fake))[1], float
    )  # of a loss that does not read fake_logits: zeros
    size = len(FAKE)
    probability = _sigmoid(FAKE)
    require_equal(
        "the slope of straight_generator", GIVEN_FAKE, slopes, np.full(size, -1 / size),
        {
            f"{named}: the sign is flipped: where G minimizes this, the logits of its images fall.":
                np.full(size, 1 / size),
            f"{named}: {SUM if found.shape == () else EACH}": np.full(size, -1.0),
            f"{named} is the mean of D, not of the logit: the sigmoid makes its slope D (1 - D), which is flat at both "
            "ends.": -probability * (1 - probability) / size,
            f"{named} does not depend on fake_logits, the only way to G.": np.zeros(size),
            f"{named} is the non-saturating loss, whose slope is -(1 - D).": -(1 - probability) / size,
            f"{named} is the saturating loss, whose slope is -D.": -probability / size,
        },
    )  # fmt: skip
    if not close(found, -FAKE.mean()):
        raise WrongAnswerError(
            f"{named} has the right slope, but with {GIVEN_FAKE} it is {np.array2string(found, precision=4)} and "
            f"should be {-FAKE.mean():.4f}: it reads more than fake_logits."
        )
