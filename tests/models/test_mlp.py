"""The networks against the homework's table and torch's own layers."""

import math
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch

from gan_jax.models.minibatch_stddev import minibatch_stddev
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE, Discriminator, Generator

pytestmark = pytest.mark.numeric

NETWORKS = {
    "generator": (Generator(), LATENT_SIZE, 1_493_520, [128, 256, 512, 1024, 784]),
    "discriminator": (Discriminator(), IMAGE_SIZE, 1_460_225, [784, 1024, 512, 256, 1]),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    module, inputs, count, sizes = NETWORKS[request.param]
    return module, module.init(jax.random.key(0), jnp.zeros((1, inputs))), count, sizes


def layers(params: dict) -> list[dict]:
    """Return the layers in order of computation, which is the order of their names except for the last."""
    names = sorted(params["params"], key=lambda name: (not name.startswith("hidden"), name))
    return [params["params"][name] for name in names]


def test_parameters(network):
    _, params, count, sizes = network
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
    for layer, fan_in, fan_out in zip(layers(params), sizes, sizes[1:], strict=False):
        chex.assert_shape(layer["kernel"], (fan_in, fan_out))
        chex.assert_shape(layer["bias"], (fan_out,))
        chex.assert_type(layer["kernel"], jnp.float32)


def test_initial_weights_are_torchs_default(network):
    """Weights are uniform in ±1/sqrt(fan_in): the bounds hold, and a Kolmogorov-Smirnov test finds no difference."""
    _, params, _, _ = network
    for layer in layers(params):
        bound = layer["kernel"].shape[0] ** -0.5
        for name in ("kernel", "bias"):
            values = np.asarray(layer[name]).ravel()
            assert np.abs(values).max() <= bound
            if len(values) > 1:
                # By chance one test in a million fails, and the key is fixed.
                assert scipy.stats.kstest(values, "uniform", args=(-bound, 2 * bound)).pvalue > 1e-6


def torch_network(params: dict, last: torch.nn.Module) -> torch.nn.Sequential:
    """Return the notebook's network with these weights, without dropout."""
    modules: list[torch.nn.Module] = []
    for layer in layers(params):
        kernel = torch.tensor(np.array(layer["kernel"]))
        linear = torch.nn.Linear(kernel.shape[0], kernel.shape[1])
        linear.weight.data, linear.bias.data = kernel.T, torch.tensor(np.array(layer["bias"]))
        modules += [linear, torch.nn.LeakyReLU(0.2)]
    return torch.nn.Sequential(*modules[:-1], last)


def test_outputs_are_torchs(network):
    module, params, _, sizes = network
    inputs = np.random.default_rng(0).standard_normal((64, sizes[0]), np.float32)
    ours = np.array(jnp.asarray(module.apply(params, jnp.array(inputs))))
    last = torch.nn.Tanh() if isinstance(module, Generator) else torch.nn.Identity()
    theirs = torch_network(params, last)(torch.tensor(inputs)).detach().numpy().reshape(ours.shape)
    # Sums of up to 1024 float32 products in another order: sqrt(1024) roundings of 6e-8 of values of about 1.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6)


def test_generator_stays_in_range():
    module, params = Generator(), Generator().init(jax.random.key(1), jnp.zeros((1, LATENT_SIZE)))
    images: Any = module.apply(params, 100 * jax.random.normal(jax.random.key(2), (32, LATENT_SIZE)))
    chex.assert_shape(images, (32, IMAGE_SIZE))
    assert jnp.abs(images).max() <= 1


def test_dropout_follows_every_hidden_layer_only_in_training(network):
    module, params, _, sizes = network
    if isinstance(module, Generator):
        pytest.skip("the generator has no dropout")
    images = jax.random.uniform(jax.random.key(4), (8, sizes[0]), minval=-1)
    key, other = jax.random.key(5), jax.random.key(6)
    chex.assert_trees_all_equal(module.apply(params, images), module.apply(params, images))
    assert not np.array_equal(module.apply(params, images), module.apply(params, images, key))
    assert not np.array_equal(module.apply(params, images, other), module.apply(params, images, key.copy()))
    without = Discriminator(dropout_rate=0.0).apply(params, images, jax.random.key(5))
    chex.assert_trees_all_equal(without, module.apply(params, images))


def test_hidden_layers_have_independent_dropout_masks():
    """Three wide identity layers: the share of ones that survive has passed three masks."""
    size = 4096
    module = Discriminator(hidden_sizes=(size, size, size), dropout_rate=0.3)
    passing = {"kernel": jnp.eye(size), "bias": jnp.zeros(size)}
    last = {"kernel": jnp.full((size, 1), 1 / size), "bias": jnp.zeros(1)}
    params = {"params": {f"hidden_{i}": passing for i in (1, 2, 3)} | {"logit": last}}
    kept: Any = jax.grad(lambda x: module.apply(params, x, jax.random.key(8))[0])(jnp.ones((1, size)))
    share = np.mean(np.asarray(kept) != 0)
    # Independent masks keep 0.7**3 = 0.343, one mask used thrice 0.7, two different masks 0.49; five standard
    # deviations: 0.037.
    assert abs(share - 0.343) < 0.037


def test_bfloat16_rounds_operands_only(network):
    module, params, _, sizes = network
    rounded = type(module)(precision="bfloat16")
    inputs = jax.random.normal(jax.random.key(7), (16, sizes[0]))
    chex.assert_trees_all_equal_shapes_and_dtypes(params, rounded.init(jax.random.key(0), inputs))
    full, half = module.apply(params, inputs), rounded.apply(params, inputs)
    chex.assert_type(half, jnp.float32)
    assert not np.array_equal(full, half)
    # bfloat16 keeps 8 bits: 2**-9 relative in each factor, through four layers with values of about 1.
    np.testing.assert_allclose(full, half, rtol=0, atol=8 * 2**-9)


@pytest.mark.parametrize(
    ("inputs", "group", "interleaved"), [(8, 4, 1), (8, 4, 2), (12, 3, 2), (6, 4, 1), (5, 4, 1), (1, 2, 1)]
)
def test_minibatch_stddev_is_numpys_over_groups_that_are_all_real_or_all_generated(inputs, group, interleaved):
    """Groups are consecutive real or generated inputs; if they do not divide them, smaller equal groups are used."""
    features = np.random.default_rng(0).normal(size=(interleaved, inputs // interleaved, 7)).astype(np.float32)
    group_size = math.gcd(group, inputs // interleaved)
    expected = [[np.std(each[start : start + group_size], axis=0).mean()] * group_size
                for each in features for start in range(0, len(each), group_size)]  # fmt: skip
    batch = jnp.asarray(features.swapaxes(0, 1).reshape(-1, 7))
    found = minibatch_stddev(batch, group, interleaved)
    chex.assert_shape(found, (inputs, 1))
    separated = np.asarray(found).reshape(-1, interleaved).T
    # 1e-8 under the root: 1e-4 where all values are equal, 5e-9 / 0.05 elsewhere.
    np.testing.assert_allclose(separated, np.reshape(expected, separated.shape), rtol=2e-6, atol=1.01e-4)
    assert len(np.unique(separated)) == (inputs // group_size if group_size > 1 else 1)


def test_minibatch_stddev_is_an_input_of_the_last_layer_only(network):
    module, params, _, sizes = network
    if isinstance(module, Generator):
        pytest.skip("the generator has no such input")
    widened: Any = Discriminator(stddev_group_size=4).init(jax.random.key(0), jnp.zeros((4, sizes[0])))
    shapes = jax.tree.map(jnp.shape, params)
    shapes["params"]["logit"]["kernel"] = (257, 1)
    assert jax.tree.map(jnp.shape, widened) == shapes
