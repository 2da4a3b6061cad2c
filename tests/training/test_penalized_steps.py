"""A step of D with penalties on its input gradients, written in torch, whose double backward is the reference.

Weights, real images, latents and dropout masks are copied from JAX to torch, and so are interpolated and perturbed
points, made here from the keys. In float64 only round-off may differ, which is 1e-16 an operation.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import Array
from torch import Tensor
from torch.nn.functional import leaky_relu, relu, softplus

from gan_jax.config import Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.models.dropout import dropout
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE
from gan_jax.training.state import GanState
from tests.helpers.narrow import SIZES, jitted_discriminator_step, jitted_generator_step, narrow_networks, narrow_state
from tests.models.test_mlp import layers

BATCH, ITERATION, INNER = 16, 3, 1
RATE = 19661 / 2**16  # 0.3 as rounded by gan_jax
ROUND_OFF = 1e-10  # float64, with the division by a gradient's own size in Adam's first update
# The streams' numbers, on which the bits depend.
LATENTS_OF_D, DROPOUT_OF_D, LATENTS_OF_G, DROPOUT_OF_G, NOISE_OF_D, NOISE_OF_G, PENALTIES = 2, 3, 4, 5, 11, 12, 13
Layers = list[tuple[Tensor, Tensor]]

SETTINGS = {
    "R1": dict(r1=3.0),
    "R2": dict(r2=5.0),
    "R1 and R2, relativistic": dict(loss="relativistic", r1=3.0, r2=5.0),
    "gradient penalty": dict(loss="wasserstein", gradient_penalty=10.0),
    "DRAGAN": dict(dragan=10.0),
    "packing": dict(loss="hinge", pack_size=2, r1=3.0, r2=5.0, gradient_penalty=7.0, dragan=2.0),
    "minibatch deviation": dict(loss="least_squares", minibatch_stddev=4, r1=3.0, r2=5.0, gradient_penalty=7.0),
    "all": dict(
        pack_size=2, minibatch_stddev=4, instance_noise_std=0.2, r1=3.0, r2=5.0, gradient_penalty=7.0, dragan=2.0
    ),
}


def hparams_of(name: str) -> Hyperparameters:
    return Hyperparameters(**({"batch_size": BATCH, "dropout_rate": RATE} | SETTINGS[name]))


@pytest.fixture(autouse=True)
def _narrow_in_float64(monkeypatch):
    narrow_networks(monkeypatch)
    with jax.enable_x64(True):
        yield


@pytest.fixture
def real_images(mnist) -> Array:
    return jnp.asarray(np.asarray(to_unit_range(mnist.train_images[:BATCH])), jnp.float64)


def key_at(*path: int) -> Array:
    """Return a leaf of the key tree, a new object each time, since JAX's key checker refuses a reused one."""
    key = jax.random.key(0)
    for index in path:
        key = jax.random.fold_in(key, index)
    return key


def tensor(array) -> Tensor:
    return torch.tensor(np.array(array))


def masks(dropout_key: Array, rows: int, rate: float) -> list[Tensor]:
    """Return the factors on each hidden layer of D, (rows, size) each."""
    return [tensor(dropout(jax.random.fold_in(dropout_key.copy(), i), jnp.ones((rows, size)), rate))
            for i, size in enumerate(SIZES, start=1)]  # fmt: skip


def torch_layers(params: dict) -> Layers:
    """Return a network's kernels and biases as torch leaves."""
    return [(tensor(layer["kernel"]).requires_grad_(), tensor(layer["bias"]).requires_grad_())
            for layer in layers(params)]  # fmt: skip


def g(network: Layers, latents: Tensor) -> Tensor:
    hidden = latents
    for kernel, bias in network[:-1]:
        hidden = leaky_relu(hidden @ kernel + bias, 0.2)
    return torch.tanh(hidden @ network[-1][0] + network[-1][1])


def d(network: Layers, packs: Tensor, kept: list[Tensor], group: int) -> Tensor:
    """Return the logits of inputs of one kind, packs (n, pack_size * 784)."""
    hidden = packs
    for (kernel, bias), mask in zip(network[:-1], kept, strict=True):
        hidden = leaky_relu(hidden @ kernel + bias, 0.2) * mask
    if group:
        stddev = (hidden.unflatten(0, (-1, group)).var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=1)
        hidden = torch.cat([hidden, stddev.repeat_interleave(group)[:, None]], dim=1)
    return (hidden @ network[-1][0] + network[-1][1])[:, 0]


def d_loss(name: str, real: Tensor, fake: Tensor) -> Tensor:
    return {
        "non_saturating": lambda: (softplus(-real) + softplus(fake)).mean(),
        "least_squares": lambda: ((real - 0.5) ** 2 + (fake + 0.5) ** 2).mean() / 2,
        "hinge": lambda: (relu(1 - real) + relu(1 + fake)).mean(),
        "wasserstein": lambda: (fake - real).mean(),
        "relativistic": lambda: softplus(fake - real).mean(),
    }[name]()


def squared_gradient_norms(logits: Tensor, packs: Tensor) -> Tensor:
    [norms] = torch.autograd.grad(logits.sum(), packs, create_graph=True)
    return (norms**2).sum(dim=1)


def packs_of(images: Tensor, hparams: Hyperparameters) -> Tensor:
    return images.reshape(-1, hparams.pack_size * IMAGE_SIZE).detach().requires_grad_()


def noisy(images: tuple[Array, Array], hparams: Hyperparameters) -> list[Array]:
    """Return real and generated images as D sees them; the noise is drawn for interleaved pairs."""
    noise = jax.random.normal(key_at(NOISE_OF_D, ITERATION, INNER), (2 * BATCH, IMAGE_SIZE))
    return [each + hparams.instance_noise_std * noise[kind::2] for kind, each in enumerate(images)]


def share_per_pack(key: Array, hparams: Hyperparameters) -> np.ndarray:
    """Return one random share per pack, repeated for each of its images."""
    drawn = np.asarray(jax.random.uniform(key, (BATCH // hparams.pack_size, 1)))
    return np.kron(drawn, np.ones((hparams.pack_size, 1)))


def torch_d_loss(network: Layers, real: Array, fake: Array, hparams: Hyperparameters) -> tuple[Tensor, Tensor]:
    """Return the loss that is reported, and the one that is minimized, which includes the penalties."""
    kept = masks(key_at(DROPOUT_OF_D, ITERATION, INNER), 2 * BATCH // hparams.pack_size, RATE)
    packs = [packs_of(tensor(each), hparams) for each in noisy((real, fake), hparams)]
    logits = [d(network, each, [mask[kind::2] for mask in kept], hparams.minibatch_stddev)
              for kind, each in enumerate(packs)]  # fmt: skip
    value = d_loss(hparams.loss, *logits)
    total = value
    for weight, of, where in zip((hparams.r1, hparams.r2), logits, packs, strict=True):
        total = total + weight / 2 * squared_gradient_norms(of, where).mean()
    key = partial(key_at, PENALTIES, ITERATION, INNER)
    share, (noise_key, place_key) = share_per_pack(key(0), hparams), jax.random.split(key(1))
    perturbed = real + 0.5 * np.std(real) * jax.random.uniform(noise_key, (BATCH, IMAGE_SIZE))
    place = share_per_pack(place_key, hparams)
    for weight, points, dropout_key in (
        (hparams.gradient_penalty, share * real + (1 - share) * fake, key(2)),
        (hparams.dragan, place * perturbed + (1 - place) * real, key(3)),
    ):
        kept = masks(dropout_key, BATCH // hparams.pack_size, RATE)
        where = packs_of(tensor(points), hparams)
        norms = squared_gradient_norms(d(network, where, kept, hparams.minibatch_stddev), where)
        total = total + weight * (((norms + 1e-12).sqrt() - 1) ** 2).mean()
    return value, total


def assert_updated(network: Layers, before: dict, after: dict, total: Tensor, norm: Array) -> None:
    """Assert that the gradient's norm and the parameters after Adam's first update are those of JAX."""
    leaves = [leaf for layer in network for leaf in layer]
    optimizer = torch.optim.Adam(leaves, lr=2e-4, betas=(0.9, 0.999), eps=1e-8)
    total.backward()
    expected = torch.cat([leaf.grad.ravel() for leaf in leaves if leaf.grad is not None]).norm()
    np.testing.assert_allclose(norm, expected.numpy(), rtol=ROUND_OFF)
    optimizer.step()
    for ours, start, theirs in zip(layers(after), layers(before), network, strict=True):
        assert np.abs(ours["kernel"] - start["kernel"]).max() > 1e-4  # Adam's first update is 2e-4 almost everywhere
        for name, leaf in zip(("kernel", "bias"), theirs, strict=True):
            np.testing.assert_allclose(ours[name], leaf.detach().numpy(), rtol=0, atol=ROUND_OFF)


def state_at_an_iteration(hparams: Hyperparameters) -> GanState:
    return narrow_state(hparams)._replace(iteration=jnp.int32(ITERATION))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_of_d_agrees_with_torch(name, real_images):
    hparams = hparams_of(name)
    state = state_at_an_iteration(hparams)
    after, info = jitted_discriminator_step(state, real_images, jnp.int32(INNER), hparams=hparams)
    latents = jax.random.normal(key_at(LATENTS_OF_D, ITERATION, INNER), (BATCH, LATENT_SIZE))
    fake_images = jnp.asarray(g(torch_layers(state.generator), tensor(latents)).detach().numpy())
    network = torch_layers(state.discriminator)
    value, total = torch_d_loss(network, real_images, fake_images, hparams)
    np.testing.assert_allclose(info.discriminator_loss, value.item(), rtol=ROUND_OFF)
    assert_updated(network, state.discriminator, after.discriminator, total, info.discriminator_gradient_norm)


@pytest.mark.parametrize(
    "options", [{}, dict(pack_size=2, minibatch_stddev=4, instance_noise_std=0.2)], ids=["", "packed"]
)
def test_a_relativistic_step_of_g_agrees_with_torch(options, real_images):
    """G's loss also uses D's logits on real images, each kind with separate dropout and noise."""
    hparams = Hyperparameters(batch_size=BATCH, dropout_rate=RATE, loss="relativistic", **options)
    state = state_at_an_iteration(hparams)
    after, loss, norm = jitted_generator_step(state, real_images, hparams=hparams)
    latents = jax.random.normal(key_at(LATENTS_OF_G, ITERATION), (BATCH, LATENT_SIZE))
    network, judge = torch_layers(state.generator), torch_layers(state.discriminator)
    real_key, fake_key = jax.random.split(key_at(DROPOUT_OF_G, ITERATION))
    fake, real = (
        d(
            judge,
            (images + hparams.instance_noise_std * tensor(jax.random.normal(key_at(NOISE_OF_G, ITERATION, kind),
                                                                        images.shape))
             ).reshape(-1, hparams.pack_size * IMAGE_SIZE),
            masks(key, BATCH // hparams.pack_size, RATE),
            hparams.minibatch_stddev,
        )
        for kind, (images, key) in enumerate(
            ((g(network, tensor(latents)), fake_key), (tensor(real_images), real_key))
        )
    )  # fmt: skip
    total = softplus(real - fake).mean()
    np.testing.assert_allclose(loss, total.item(), rtol=ROUND_OFF)
    assert_updated(network, state.generator, after.generator, total, norm)
