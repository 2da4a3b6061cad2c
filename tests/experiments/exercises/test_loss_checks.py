"""Exercises 1, 2 and 10: other forms of right answers are accepted, and each typical mistake has its own words."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.exercises import check
from gan_jax.losses.adversarial import Targets, discriminator_cross_entropy
from tests.helpers.exercises import assert_refused, solutions, verdict

softplus, sigmoid = jax.nn.softplus, jax.nn.sigmoid
BCE = optax.sigmoid_binary_cross_entropy


@pytest.mark.parametrize(
    "loss",
    [
        lambda real, fake: BCE(real, jnp.ones_like(real)).mean() + BCE(fake, jnp.zeros_like(fake)).mean(),
        lambda real, fake: -(jax.nn.log_sigmoid(real) + jax.nn.log_sigmoid(-fake)).mean(),
        lambda real, fake: jnp.sum(jnp.logaddexp(0, -real) + jnp.logaddexp(0, fake)) / len(real),
        jax.jit(lambda real, fake: discriminator_cross_entropy(real, fake, Targets())),
    ],
)
def test_other_forms_of_ds_loss_are_right(loss):
    assert verdict(check.discriminator_loss, loss)


D_MISTAKES = {
    "sign": (lambda real, fake: -(softplus(-real).mean() + softplus(fake).mean()), "the sign is flipped"),
    "sum": (lambda real, fake: softplus(-real).sum() + softplus(fake).sum(), "sum over the batch"),
    "each": (lambda real, fake: softplus(-real) + softplus(fake), "one loss for each image"),
    "swapped": (lambda real, fake: softplus(real).mean() + softplus(-fake).mean(), "labels are swapped"),
    "twice": (lambda real, fake: softplus(-sigmoid(real)).mean() + softplus(sigmoid(fake)).mean(), "applied twice"),
    "real only": (lambda real, fake: softplus(-real).mean(), "That of generated images is missing"),
    "fake only": (lambda real, fake: softplus(fake).mean(), "That of real images is missing"),
    "half": (lambda real, fake: (softplus(-real).mean() + softplus(fake).mean()) / 2, "this is half of it"),
    "overflow": (
        lambda real, fake: -jnp.log(sigmoid(real)).mean() - jnp.log(1 - sigmoid(fake)).mean(),
        "the sigmoid has rounded",
    ),
    "exp": (lambda real, fake: jnp.log(1 + jnp.exp(-real)).mean() + jnp.log(1 + jnp.exp(fake)).mean(), "exp has"),
    "clipped": (
        lambda real, fake: -jnp.log(sigmoid(real) + 1e-12).mean() - jnp.log(1 - sigmoid(fake) + 1e-12).mean(),
        "a clipped probability",
    ),
    "where": (
        lambda real, fake: sum(
            jnp.where(each > 50, each, jnp.log(1 + jnp.exp(each))).mean() for each in (-real, fake)
        ),
        "right in value",
    ),
    "other": (lambda real, fake: softplus(-real).mean() + 2 * softplus(fake).mean(), "right is"),
}  # fmt: skip


@pytest.mark.parametrize("name", D_MISTAKES)
def test_mistakes_in_ds_loss(name):
    loss, words = D_MISTAKES[name]
    assert_refused(check.discriminator_loss, {"d_loss": loss}, words)


def test_every_mistake_has_its_own_words():
    messages = [verdict(check.discriminator_loss, loss).message for loss, _ in D_MISTAKES.values()]
    assert len(set(messages)) == len(messages) - 1  # a sigmoid that rounds and an exp that overflows share theirs


@pytest.mark.parametrize(
    ("non_saturating", "saturating", "words"),
    [
        (lambda fake: -softplus(fake).mean(), lambda fake: softplus(-fake).mean(), "the two losses are swapped"),
        (lambda fake: -softplus(-fake).mean(), None, "`non_saturating`: the sign is flipped"),
        (None, lambda fake: softplus(fake).mean(), "`saturating`: the sign is flipped"),
        (lambda fake: softplus(-fake).sum(), None, "`non_saturating`: this is the sum"),
        (None, lambda fake: -softplus(fake).sum(), "`saturating`: this is the sum"),
        (lambda fake: softplus(-fake), None, "`non_saturating`: this is one loss for each image"),
        (None, lambda fake: -softplus(fake), "`saturating`: this is one loss for each image"),
        (lambda fake: softplus(-sigmoid(fake)).mean(), None, "`non_saturating`: the sigmoid is applied twice"),
        (None, lambda fake: -softplus(sigmoid(fake)).mean(), "`saturating`: the sigmoid is applied twice"),
        (lambda fake: softplus(fake).mean(), None, "`non_saturating` is D's loss on generated images"),
        (lambda fake: -jnp.log(sigmoid(fake)).mean(), None, "the sigmoid has rounded"),
        (None, lambda fake: jnp.log(1 - sigmoid(fake)).mean(), "the sigmoid has rounded"),
        (None, lambda fake: jnp.log(1 - sigmoid(fake) + 1e-9).mean(), "a clipped probability"),
    ],
)
def test_mistakes_in_gs_losses(non_saturating, saturating, words):
    given = {"non_saturating": non_saturating, "saturating": saturating}
    assert_refused(check.generator_losses, given, words)


def bce(logits, target):
    return (target * softplus(-logits) + (1 - target) * softplus(logits)).mean()


@pytest.mark.parametrize(
    ("discriminator", "generator", "words"),
    [
        (lambda r, f, t: -bce(r, t.real) - bce(f, t.fake), None, "`straight_discriminator`: the sign is flipped"),
        (lambda r, f, t: len(r) * (bce(r, t.real) + bce(f, t.fake)), None, "`straight_discriminator`: this is the sum"),
        (lambda r, f, t: bce(r, t.fake) + bce(f, t.real), None, "the targets are swapped"),
        (lambda r, f, t: bce(r, 1) + bce(f, 0), None, "does not read targets: with label smoothing"),
        (lambda r, f, t: bce(r, t.real) + bce(f, 0), None, "does not read targets.fake"),
        (lambda r, f, t: bce(r, 1) + bce(f, t.fake), None, "does not read targets.real"),
        (None, lambda r, f, t: f.mean(), "`straight_generator`: the sign is flipped"),
        (None, lambda r, f, t: -f.sum(), "`straight_generator`: this is the sum"),
        (None, lambda r, f, t: -f, "`straight_generator`: this is one loss for each image"),
        (None, lambda r, f, t: -sigmoid(f).mean(), "is the mean of D, not of the logit"),
        (None, lambda r, f, t: -r.mean(), "does not depend on fake_logits"),
        (None, lambda r, f, t: softplus(-f).mean(), "is the non-saturating loss"),
        (None, lambda r, f, t: -softplus(f).mean(), "is the saturating loss"),
        (None, lambda r, f, t: (r - f).mean(), "it reads more than fake_logits"),
    ],
)
def test_mistakes_in_a_loss_of_your_own(discriminator, generator, words):
    given = {"straight_discriminator": discriminator, "straight_generator": generator}
    assert_refused(check.own_loss, given, words)


def test_the_straight_slope_is_that_of_both_losses_together():
    """The text says so: -(1 - D) - D = -1."""
    known, logits = solutions(), jnp.linspace(-5.0, 5.0, 11)
    both = jax.grad(lambda logits: known["non_saturating"](logits) + known["saturating"](logits))(logits)
    straight = jax.grad(known["straight_generator"], argnums=1)(logits, logits, Targets())
    np.testing.assert_allclose(both, straight, rtol=1e-5)  # float32
