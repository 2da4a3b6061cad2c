"""Spectral normalization against NumPy's singular values, and against torch's in float64."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import spectral_norm

from gan_jax.config import Hyperparameters
from gan_jax.models.spectral_norm import init_power_iteration, normalize, power_iteration_step
from gan_jax.training.apply_fns import discriminator_logits, discriminator_weights
from gan_jax.training.train_epoch import train_epoch
from tests.helpers.narrow import SIZES, jitted_discriminator_step, narrow_networks, narrow_state
from tests.models.test_mlp import layers

BATCH = 16
HPARAMS = Hyperparameters(batch_size=BATCH, dropout_rate=0.0, spectral_norm=True)


@pytest.fixture
def narrow(monkeypatch):
    narrow_networks(monkeypatch)
    with jax.enable_x64(True):
        yield


@pytest.fixture
def real_images(mnist) -> jax.Array:
    return jnp.asarray(mnist.train_images[:BATCH] / 127.5 - 1)


def largest_singular_values(params: dict) -> np.ndarray:
    """Return each layer's largest singular value."""
    return np.array([np.linalg.svd(np.asarray(layer["kernel"]), compute_uv=False)[0] for layer in layers(params)])


def one_layer_params(kernel: np.ndarray) -> dict:
    return init_power_iteration(
        {"params": {"layer": {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(kernel.shape[1])}}}
    )


@settings(max_examples=10, deadline=None)  # each shape is compiled
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_power_iteration_finds_the_largest_singular_value(fan_in, features, seed, scale):
    """The estimate is a lower bound, |W u| for a unit vector u; 500 more steps reach matrices with separated values."""
    with jax.enable_x64(True):
        random = np.random.default_rng(seed)
        left, right = (np.linalg.qr(random.normal(size=(n, n)))[0] for n in (fan_in, features))
        rank = min(fan_in, features)
        values = scale * 0.9 ** np.arange(rank)
        params = one_layer_params(left[:, :rank] * values @ right[:rank])
        assert largest_singular_values(normalize(params)) >= 1 - 1e-12
        params = jax.lax.fori_loop(0, 500, lambda _, params: power_iteration_step(params), params)
        # The share of the second value falls by 0.81 per step, to 1e-45 of its start.
        assert largest_singular_values(normalize(params)) == pytest.approx(1, rel=1e-9)


def test_biases_are_not_normalized(narrow):
    params = narrow_state(HPARAMS).discriminator
    for before, after in zip(layers(params), layers(discriminator_weights(params, HPARAMS)), strict=True):
        np.testing.assert_array_equal(after["bias"], before["bias"])


def torch_network(params: dict) -> Any:
    """D's layers with torch's spectral_norm and our vectors in its buffers; its weight is our transposed kernel."""
    sizes = (784, *SIZES, 1)
    network: Any = torch.nn.Sequential(*(torch.nn.Linear(*each).double() for each in pairwise(sizes)))
    names = sorted(params["params"], key=lambda name: (not name.startswith("hidden"), name))
    for linear, name in zip(network, names, strict=True):
        kernel, bias = (torch.tensor(np.array(params["params"][name][part])) for part in ("kernel", "bias"))
        vector = torch.tensor(np.array(params["singular"][name]))
        with torch.no_grad():
            linear.weight.copy_(kernel.T)
            linear.bias.copy_(bias)
        spectral_norm(linear)
        [norm] = linear.parametrizations.weight
        norm._u.copy_(vector)
        norm._v.copy_(torch.nn.functional.normalize(kernel @ vector, dim=0))
    return network.eval()  # no power iteration by torch


def test_logits_and_gradients_are_torchs(narrow, real_images):
    """The loss contains squared input gradients, so that the division is differentiated twice; round-off is 1e-16."""
    params = narrow_state(HPARAMS).discriminator

    def ours(params: dict) -> jax.Array:
        logits, pullback = jax.vjp(lambda images: discriminator_logits(params, images, HPARAMS), real_images)
        [input_gradients] = pullback(jnp.ones_like(logits))
        return (logits**2).sum() + (input_gradients**2).sum()

    network = torch_network(params)
    images = torch.tensor(np.array(real_images), requires_grad=True)
    hidden = images
    for linear in network[:-1]:
        hidden = leaky_relu(linear(hidden), 0.2)
    logits = network[-1](hidden)[:, 0]
    [input_gradients] = torch.autograd.grad(logits.sum(), images, create_graph=True)
    theirs = (logits**2).sum() + (input_gradients**2).sum()
    kernels = [linear.parametrizations.weight.original for linear in network]
    value, gradient = jax.value_and_grad(ours)(params)
    assert float(value) == pytest.approx(theirs.item(), rel=1e-12)
    for layer, expected in zip(layers(gradient), torch.autograd.grad(theirs, kernels), strict=True):
        assert expected.abs().max() > 1e-3
        np.testing.assert_allclose(layer["kernel"], expected.T, rtol=0, atol=1e-12)
    assert all((vector == 0).all() for vector in gradient["singular"].values())


def test_a_step_of_d_updates_the_vectors_as_torch_does(narrow, real_images):
    """A step of power iteration with the new weights follows D's update; Adam leaves the vectors alone."""
    before = narrow_state(HPARAMS)
    after, _ = jitted_discriminator_step(before, real_images, jnp.int32(0), hparams=HPARAMS)
    moved = {**after.discriminator, "singular": before.discriminator["singular"]}
    network = torch_network(moved)
    for linear, name in zip(network, ("hidden_1", "hidden_2", "logit"), strict=True):
        [norm] = linear.parametrizations.weight
        norm._power_method(linear.parametrizations.weight.original.detach(), 1)
        np.testing.assert_allclose(after.discriminator["singular"][name], norm._u, rtol=0, atol=1e-12)
        distance = np.abs(after.discriminator["singular"][name] - before.discriminator["singular"][name]).max()
        assert distance > 1e-5 or name == "logit"  # its only element is 1


def test_d_stays_normalized_during_training(narrow, mnist):
    """One power iteration per update keeps up over 60 updates of up to 2e-4 in every weight."""
    hparams = replace(HPARAMS, batch_size=50)
    images = jnp.asarray(mnist.train_images[:3000])
    state, _ = train_epoch(narrow_state(hparams), images, hparams=hparams, discriminator_steps=1)
    found = largest_singular_values(discriminator_weights(state.discriminator, hparams))
    assert (found >= 1 - 1e-12).all()
    assert (found < 1.05).all()
    assert (np.abs(largest_singular_values(state.discriminator) - 1) > 0.01).all()  # unlike the unnormalized weights
