"""The losses against torch's, their closed-form gradients, and extreme logits."""

import math

import chex
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from jax.test_util import check_grads

from gan_jax.losses.adversarial import LOSSES, Targets, cross_entropy, losses_at_half

pytestmark = pytest.mark.numeric

CROSS_ENTROPIES = ("non_saturating", "saturating")
# The probabilities are float64, so the difference is float32 round-off in a mean of terms up to 10.
FLOAT32 = 2e-6


TARGETS = [Targets(), Targets(0.9, 0.1, 0.9), Targets(0.9, 0.0, 1.0)]
BCE, MSE = torch.nn.BCEWithLogitsLoss(), torch.nn.MSELoss()


def assert_close(ours: jax.Array, expected: float) -> None:
    np.testing.assert_allclose(ours, expected, rtol=FLOAT32, atol=FLOAT32)


logits_of = st.sampled_from([1, 8, 33]).flatmap(  # few sizes, since each is compiled
    lambda n: st.tuples(*[arrays(np.float32, n, elements=st.floats(-10, 10, width=32))] * 2)
)
probabilities = st.floats(0, 1)


def torch_bce(logits: np.ndarray, target: float) -> float:
    """Return the notebook's form, BCELoss of the sigmoid, here in float64."""
    probability = torch.sigmoid(torch.tensor(logits, dtype=torch.float64))
    return torch.nn.BCELoss()(probability, torch.full_like(probability, target)).item()


@settings(max_examples=50)
@given(logits_of, probabilities, probabilities, probabilities)
def test_losses_are_torchs_bce_on_probabilities(logits, real_target, fake_target, generator_target):
    real, fake = logits
    targets = Targets(real_target, fake_target, generator_target)
    discriminator = torch_bce(real, real_target) + torch_bce(fake, fake_target)
    for name, generator in (
        ("non_saturating", torch_bce(fake, generator_target)),
        ("saturating", -torch_bce(fake, 1 - generator_target)),
    ):
        loss = LOSSES[name]
        assert_close(loss.discriminator(jnp.array(real), jnp.array(fake), targets), discriminator)
        assert_close(loss.generator(jnp.array(real), jnp.array(fake), targets), generator)


def references(
    name: str, real: torch.Tensor, fake: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the losses of D and G by torch's own functions."""

    def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
        return BCE(logits, torch.full_like(logits, target))

    def mse(logits: torch.Tensor, target: float) -> torch.Tensor:
        return MSE(logits + 0.5, torch.full_like(logits, target))

    return {
        "non_saturating": lambda: (bce(real, targets.real) + bce(fake, targets.fake), bce(fake, targets.generator)),
        "saturating": lambda: (bce(real, targets.real) + bce(fake, targets.fake), -bce(fake, 1 - targets.generator)),
        "least_squares": lambda: ((mse(real, targets.real) + mse(fake, targets.fake)) / 2,
                                  mse(fake, targets.generator) / 2),
        "hinge": lambda: (torch.relu(1 - real).mean() + torch.relu(1 + fake).mean(), -fake.mean()),
        "wasserstein": lambda: (fake.mean() - real.mean(), -fake.mean()),
        "relativistic": lambda: (bce(real - fake, 1.0), bce(fake - real, 1.0)),
    }[name]()  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targets", TARGETS)
def test_losses_and_their_gradients_are_torchs_in_float64(name, targets):
    """The tolerance 1e-14 is a few roundings of 1e-16 of values up to 10."""
    values = np.random.default_rng(0).normal(scale=3, size=(2, 33))
    tensors = tuple(torch.tensor(value, requires_grad=True) for value in values)
    with jax.enable_x64(True):
        real, fake = map(jnp.asarray, values)
        loss = LOSSES[name]
        for ours, theirs in zip(
            (loss.discriminator, loss.generator), references(name, tensors[0], tensors[1], targets), strict=True
        ):
            value, gradients = jax.value_and_grad(ours, argnums=(0, 1))(real, fake, targets)
            expected = torch.autograd.grad(theirs, tensors, allow_unused=True, retain_graph=True)
            np.testing.assert_allclose(value, theirs.item(), rtol=1e-14)
            for found, wanted in zip(gradients, expected, strict=True):
                np.testing.assert_allclose(found, 0 if wanted is None else wanted.numpy(), rtol=1e-12, atol=1e-16)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# Gradients of n times the loss, with respect to the real and to the generated logits.
CLOSED_FORMS = {
    "least_squares": (lambda real, fake: (real - 0.5, fake + 0.5), lambda real, fake: (0 * real, fake - 0.5)),
    "hinge": (lambda real, fake: (-1.0 * (real < 1), 1.0 * (fake > -1)), lambda real, fake: (0 * real, 0 * fake - 1)),
    "wasserstein": (lambda real, fake: (0 * real - 1, 0 * fake + 1), lambda real, fake: (0 * real, 0 * fake - 1)),
    "relativistic": (
        lambda real, fake: (-sigmoid(fake - real), sigmoid(fake - real)),
        lambda real, fake: (sigmoid(real - fake), -sigmoid(real - fake)),
    ),
}


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_gradients_are_their_closed_forms_in_float64(seed):
    """The tolerance is 1e-12: cancellation against 1 in the closed forms' exponentials loses a few 1e-16 of it."""
    real, fake = np.random.default_rng(seed).normal(scale=3, size=(2, 8))
    with jax.enable_x64(True):
        for name, forms in CLOSED_FORMS.items():
            for function, form in zip((LOSSES[name].discriminator, LOSSES[name].generator), forms, strict=True):
                gradients = jax.grad(function, argnums=(0, 1))(jnp.asarray(real), jnp.asarray(fake), Targets())
                np.testing.assert_allclose(gradients, np.stack(form(real, fake)) / 8, rtol=1e-12, atol=1e-13)


def test_a_relativistic_loss_depends_on_differences_within_pairs():
    """A shift of all logits leaves it unchanged; another pairing does not."""
    real, fake = jnp.linspace(-3.0, 3.0, 7), jnp.linspace(2.0, -4.0, 7)
    loss = LOSSES["relativistic"].discriminator
    np.testing.assert_allclose(loss(real + 5, fake + 5, Targets()), loss(real, fake, Targets()), rtol=FLOAT32)
    assert abs(loss(real, fake[::-1], Targets()) - loss(real, fake, Targets())) > 0.1
    assert loss(real, real, Targets()) == pytest.approx(math.log(2), rel=FLOAT32)


@pytest.mark.parametrize("name", LOSSES)
def test_only_losses_that_use_targets_depend_on_them(name):
    """The field by which the configuration refuses unused targets is correct."""
    real, fake, loss = jnp.linspace(-3.0, 3.0, 7), jnp.linspace(2.0, -4.0, 7), LOSSES[name]
    for function in (loss.discriminator, loss.generator):
        plain, smoothed = function(real, fake, Targets()), function(real, fake, Targets(0.9, 0.1, 0.9))
        assert (plain != smoothed) == loss.uses_targets


@settings(max_examples=50)
@given(logits_of)
def test_generator_gradients_are_their_closed_forms(logits):
    """Each logit's gradient is -(1 - D)/n for -log D, and -D/n for log(1 - D), which vanishes where D rejects."""
    real, fake = map(jnp.array, logits)
    n = len(fake)
    for name, expected in (
        ("non_saturating", -jax.nn.sigmoid(-fake) / n),
        ("saturating", -jax.nn.sigmoid(fake) / n),
    ):
        gradient = jax.grad(LOSSES[name].generator, argnums=1)(real, fake, Targets())
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-12)  # a few float32 roundings each


@pytest.mark.parametrize("name", CROSS_ENTROPIES)
def test_label_smoothing_does_not_reverse_gs_gradient(name):
    """However confidently D rejects an image, G's gradient pushes it towards real.

    This does not hold for least squares, which pulls a logit to its target from both sides.
    """
    fake = jnp.linspace(-9.0, 9.0, 19)  # D from 1e-4 to 1 - 1e-4
    gradient = jax.grad(LOSSES[name].generator, argnums=1)(fake, fake, Targets(real=0.9, fake=0.1))
    assert (gradient < 0).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("targets", TARGETS)
def test_every_loss_obeys_the_protocol(name, targets):
    """Losses are float32 scalars, finite with finite gradients at logits of ±1e4, and finite differences agree."""
    loss = LOSSES[name]
    for function in (loss.discriminator, loss.generator):
        extreme = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4])
        value, gradients = jax.value_and_grad(function, argnums=(0, 1))(extreme, -extreme, targets)
        chex.assert_shape(value, ())
        chex.assert_type(value, jnp.float32)
        chex.assert_tree_all_finite((value, gradients))
        with jax.enable_x64(True):
            real, fake = jnp.linspace(-3.0, 3.2, 7), jnp.linspace(2.0, -4.1, 7)  # not at the hinge's kinks, -1 and 1
            # 1e-6: central differences in float64 with steps of 1e-5 lose about 1e-10 / 1e-5 to cancellation.
            check_grads(lambda a, b, f=function: f(a, b, targets), (real, fake), order=1, rtol=1e-6, atol=1e-6)


def test_extreme_logits():
    """Losses at ±1e4 are exactly 0 or 1e4: no log(0), no clamping."""
    far = jnp.full(4, 1e4)
    assert cross_entropy(far, 1.0) == 0
    assert cross_entropy(-far, 1.0) == 1e4
    assert cross_entropy(far, 0.0) == 1e4
    assert cross_entropy(-far, 0.0) == 0
    assert LOSSES["saturating"].generator(far, far, Targets()) == -1e4


def test_losses_at_half():
    """At D = 1/2, D's loss is 2 log 2, and G's is log 2 or -log 2: the reference lines of the learning curve."""
    for name, generator in (("non_saturating", math.log(2)), ("saturating", -math.log(2))):
        for targets in (Targets(), Targets(0.9, 0.1, 0.9)):
            assert losses_at_half(name, targets) == pytest.approx((2 * math.log(2), generator), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_shapes_that_would_broadcast_raise(name):
    column, row = jnp.zeros((4, 1)), jnp.zeros(4)
    for real, fake in ((row, column), (column, row), (column, column), (row, jnp.zeros(5))):
        with pytest.raises(AssertionError):
            LOSSES[name].discriminator(real, fake, Targets())
    with pytest.raises(AssertionError):
        LOSSES[name].generator(row, column, Targets())


@pytest.mark.parametrize("name", LOSSES)
def test_shift_invariance_is_declared_correctly(name):
    """A constant added to all logits changes neither gradient: no single logit says that an image is real."""
    real, fake = (jax.random.normal(jax.random.key(seed), (8,)) for seed in (0, 1))
    loss = LOSSES[name]
    moved = False
    for function in (loss.discriminator, loss.generator):
        gradient = jax.grad(lambda real, fake, function=function: function(real, fake, Targets()), argnums=(0, 1))
        for here, there in zip(gradient(real, fake), gradient(real + 3, fake + 3), strict=True):
            moved = moved or not np.allclose(here, there, rtol=1e-4, atol=1e-6)  # float32
    assert moved == (not loss.shift_invariant)
