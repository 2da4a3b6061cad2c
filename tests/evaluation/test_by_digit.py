"""Measures digit by digit, against their definitions on the real digits and against torch's gradient."""

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from gan_jax.config import Hyperparameters
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.evaluation.by_digit import DiscriminatorFns, measure_by_digit
from gan_jax.training.apply_fns import sample_gradient_norms
from gan_jax.training.state import init_state


@pytest.fixture(scope="module")
def digits(mnist: ImageDataset) -> tuple[jax.Array, np.ndarray]:
    return to_unit_range(mnist.test_images[:1200]), np.asarray(mnist.test_labels[:1200])


def _brightness(images: jax.Array) -> jax.Array:
    return (images.mean(axis=1) + 1) / 2


def test_each_digit_is_measured_on_its_own_images(digits: tuple[jax.Array, np.ndarray]) -> None:
    images, labels = digits
    norms = jnp.arange(600.0)
    functions = DiscriminatorFns(_brightness, lambda samples, real: norms)
    samples, sampled = images[:600], labels[:600]
    found = measure_by_digit(samples, sampled, images, labels, functions)
    for digit in range(10):
        real, fake = np.asarray(images[labels == digit]), np.asarray(samples[sampled == digit])
        # Means of up to 150 float32 numbers of order 1: 1e-5 is a hundred times their round-off.
        assert found[f"digit_real_probability_{digit}"] == pytest.approx((real.mean() + 1) / 2, rel=1e-5)
        assert found[f"digit_fake_probability_{digit}"] == pytest.approx((fake.mean() + 1) / 2, rel=1e-5)
        share = np.asarray(norms)[sampled == digit].sum() / (599 * 300)
        assert found[f"digit_gradient_share_{digit}"] == pytest.approx(share, rel=1e-6)
        assert found[f"digit_real_spread_{digit}"] == pytest.approx(np.sqrt(real.var(axis=0).sum()), rel=1e-5)
        assert found[f"digit_spread_{digit}"] == pytest.approx(np.sqrt(fake.var(axis=0).sum()), rel=1e-5)
    assert sum(found[f"digit_gradient_share_{digit}"] for digit in range(10)) == pytest.approx(1)


def test_a_digit_without_samples_and_a_gradient_of_zero_have_no_value(digits: tuple[jax.Array, np.ndarray]) -> None:
    images, labels = digits
    functions = DiscriminatorFns(_brightness, lambda samples, real: jnp.zeros(len(samples)))
    found = measure_by_digit(images, np.full(len(images), 3), images, labels, functions)
    assert "digit_fake_probability_3" in found
    assert "digit_fake_probability_1" not in found
    assert not [name for name in found if name.startswith("digit_gradient_share")]
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("loss", ["non_saturating", "saturating", "least_squares", "hinge"])
def test_the_gradient_in_a_sample_is_torchs(loss: str, digits: tuple[jax.Array, np.ndarray]) -> None:
    hparams = Hyperparameters(loss=loss)
    params = init_state(jax.random.key(5), hparams).discriminator
    # More samples than one block and not a multiple of it; real images are only of use to relativistic losses.
    samples, real = digits[0][:700], digits[0][400:1100]
    norms = np.asarray(sample_gradient_norms(params, samples, real, hparams=hparams))
    images = torch.tensor(np.asarray(samples), dtype=torch.float64, requires_grad=True)
    hidden = images
    layers = list(params["params"].values())
    for index, layer in enumerate(layers):
        hidden = hidden @ torch.tensor(np.asarray(layer["kernel"], np.float64)) + torch.tensor(
            np.asarray(layer["bias"], np.float64)
        )
        if index < len(layers) - 1:
            hidden = torch.nn.functional.leaky_relu(hidden, 0.2)
    logits = hidden[:, 0]
    losses = {
        "non_saturating": torch.nn.functional.softplus(-logits),
        "saturating": -torch.nn.functional.softplus(logits),
        "least_squares": (logits - 0.5) ** 2 / 2,
        "hinge": -logits,
    }
    losses[loss].sum().backward()
    assert images.grad is not None
    expected = images.grad.norm(dim=1).numpy()
    # A common factor is free; 1e-4 is float32's round-off through four layers, some hundred times over.
    chex.assert_trees_all_close(norms / norms.sum(), expected / expected.sum(), rtol=1e-4)


def test_a_gradient_too_small_to_be_squared_is_not_lost(digits: tuple[jax.Array, np.ndarray]) -> None:
    hparams = replace(Hyperparameters(), loss="saturating")
    params = init_state(jax.random.key(5), hparams).discriminator
    last = list(params["params"])[-1]
    params["params"][last]["bias"] = params["params"][last]["bias"] - 57  # D(G(z)) about 2e-25: squares underflow
    norms = np.asarray(sample_gradient_norms(params, digits[0][:50], digits[0][50:100], hparams=hparams))
    assert (norms > 0).all()
    assert norms.max() < 1e-22
