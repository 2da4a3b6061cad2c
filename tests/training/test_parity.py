"""gan_jax and the torch baseline give the same results up to round-off.

Weights, batches, latents and dropout masks are copied from JAX to torch, both train on them, and the results are
compared. In float64 only round-off may differ, 1e-16 per operation: any larger difference is a bug.

Gradients are compared through Adam's moments: after one update the first moment is a tenth of the gradient itself, and
the second is proportional to its square. The reported metrics include the norms of the gradients.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import Array
from torch import nn

from experiments import torch_baseline
from experiments.torch_baseline import Gan, make_discriminator, make_generator, train_step
from gan_jax.config import Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.models.mlp import LATENT_SIZE, Discriminator, Generator, dropout
from gan_jax.training import train_step as steps
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.prng import Stream, stream_key
from tests.helpers.narrow import (
    SIZES,
    fast_jit,
    jitted_discriminator_step,
    jitted_generator_step,
    jitted_iterate,
    narrow_networks,
    narrow_state,
)
from tests.models.test_mlp import layers

BATCH = 8
ITERATIONS = 50
RATE = 19661 / 2**16  # 0.3 as rounded by gan_jax and not by torch
PART_A = Hyperparameters(batch_size=BATCH, dropout_rate=RATE)
PART_B = replace(PART_A, loss="saturating")
SETTINGS = {
    "non-saturating": PART_A,
    "non-saturating, one-sided": replace(PART_A, real_target=0.9),
    "non-saturating, two-sided": replace(PART_A, real_target=0.9, fake_target=0.1, generator_target=0.9),
    "saturating": PART_B,
    "saturating, one-sided": replace(PART_B, real_target=0.9),
    "saturating, two-sided": replace(PART_B, real_target=0.9, fake_target=0.1, generator_target=0.9),
}

ROUND_OFF = 2.0**-24  # float32: the largest relative error of one rounding


class CarriedDropout(nn.Module):
    """Replaces an `nn.Dropout` and applies given masks, one per call."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.masks: list[torch.Tensor] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.masks.pop(0) / (1 - self.rate)


def tensor(array: Any) -> torch.Tensor:
    return torch.tensor(np.array(array))


@partial(fast_jit, static_argnums=(2, 3, 4))
def noise(key: Array, iteration: Array, steps: int, sizes: tuple[int, ...], rate: float) -> tuple[Array, list[Array]]:
    """Return an iteration's latents (steps + 1, batch, 128) and dropout masks, (calls * batch, size) per layer.

    A step of D calls D twice, on real and on generated images; a step of G calls it once.
    """
    d_keys = [stream_key(key, Stream.DISCRIMINATOR_LATENTS, iteration, inner) for inner in range(steps)]
    latent_keys = [*d_keys, stream_key(key, Stream.GENERATOR_LATENTS, iteration)]
    latents = jnp.stack([jax.random.normal(each, (BATCH, LATENT_SIZE)) for each in latent_keys])
    d_keys = [stream_key(key, Stream.DISCRIMINATOR_DROPOUT, iteration, inner) for inner in range(steps)]
    g_key = jax.random.split(stream_key(key, Stream.GENERATOR_DROPOUT, iteration))[1]

    def mask(key: Array, index: int, shape: tuple[int, int]) -> Array:
        return dropout(jax.random.fold_in(key, index), jnp.ones(shape), rate) != 0

    masks = []
    for i, size in enumerate(sizes, start=1):
        pairs = [mask(each, i, (2 * BATCH, size)) for each in d_keys]  # real and generated images are interleaved
        step_masks = [jnp.concatenate([pair[0::2], pair[1::2]]) for pair in pairs]
        masks.append(jnp.concatenate([*step_masks, mask(g_key, i, (BATCH, size))]))
    return latents, masks


class Pair:
    """A GAN in JAX and in torch, in float32, or float64 within `jax.enable_x64`."""

    def __init__(self, hparams: Hyperparameters, steps: int, sizes: dict[str, tuple[int, ...]]) -> None:
        self.hparams, self.steps, self.sizes = hparams, steps, sizes
        self.dtype = jnp.zeros(()).dtype
        self.state = narrow_state(hparams)
        torch_layers = make_discriminator(hparams.dropout_rate, sizes["discriminator"])
        self.drops: list[CarriedDropout] = []
        for index, layer in enumerate(torch_layers):
            if isinstance(layer, nn.Dropout):
                self.drops.append(CarriedDropout(layer.p))
                torch_layers[index] = self.drops[-1]
        networks = {"generator": make_generator(sizes["generator"]), "discriminator": torch_layers}
        self.linears = {
            name: [layer for layer in network if isinstance(layer, nn.Linear)] for name, network in networks.items()
        }
        self.gan = Gan(hparams, **networks)
        for name in networks:
            self.carry_weights(name)
        self.reports: list[tuple[StepInfo, dict[str, torch.Tensor]]] = []  # JAX's and torch's

    def carry_weights(self, network: str) -> None:
        """Copy a network's weights from JAX to torch."""
        for linear, params in zip(self.linears[network], layers(getattr(self.state, network)), strict=True):
            linear.weight.data, linear.bias.data = tensor(params["kernel"].T), tensor(params["bias"])

    def carry_noise(self) -> torch.Tensor:
        """Give torch the masks of the next iteration; return its latents (steps + 1, batch, 128)."""
        sizes, rate = self.sizes["discriminator"], self.hparams.dropout_rate
        latents, masks = noise(self.state.key, self.state.iteration, self.steps, sizes, rate)
        for drop, mask in zip(self.drops, masks, strict=True):
            assert not drop.masks  # those of the previous iteration are used up
            drop.masks = list(tensor(mask).split(BATCH))
        return tensor(latents)

    def step(self, real_images: Array) -> None:
        """Run one iteration of both on real images (batch, 784), in gan_jax by its steps of D and of G."""
        theirs = train_step(self.gan, tensor(real_images), self.carry_noise())
        state, infos = self.state, []
        for inner in range(self.steps):
            state, info = jitted_discriminator_step(state, real_images, jnp.int32(inner), hparams=self.hparams)
            infos.append(info)
        means = jax.tree.map(lambda *values: np.mean(values), *infos)._asdict()
        state, loss, norm = jitted_generator_step(state, real_images, hparams=self.hparams)
        self.state = state._replace(iteration=state.iteration + 1)
        self.reports.append((StepInfo(**means, generator_loss=loss, generator_gradient_norm=norm), theirs))

    def state_of(self, network: str) -> dict[tuple[str, int, str], tuple[np.ndarray, np.ndarray]]:
        """Return JAX's and torch's parameters and moments by quantity, layer and leaf, in torch's layout."""
        adam, kept = getattr(self.state, f"{network}_optimizer")[0], getattr(self.gan, f"{network}_optimizer").state
        found = {}
        trees = {"parameter": getattr(self.state, network), "exp_avg": adam.mu, "exp_avg_sq": adam.nu}
        for quantity, tree in trees.items():
            for index, (params, linear) in enumerate(zip(layers(tree), self.linears[network], strict=True)):
                for leaf, ours in (("weight", params["kernel"].T), ("bias", params["bias"])):
                    parameter = getattr(linear, leaf)
                    theirs = parameter.detach() if quantity == "parameter" else kept[parameter][quantity]
                    found[quantity, index, leaf] = np.asarray(ours), theirs.numpy()
        return found

    def assert_agree(self, tolerance: float) -> None:
        """Assert equal numbers to `tolerance`, relative to each array's largest, or to the metric itself."""
        for ours, theirs in self.reports:
            for name, value in ours._asdict().items():
                np.testing.assert_allclose(value, theirs[name], rtol=tolerance, err_msg=name)
        for network in self.linears:
            for name, (ours, theirs) in self.state_of(network).items():
                assert ours.shape == theirs.shape, name
                assert np.isfinite(ours).all(), name
                largest = np.abs(ours).max()
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * largest, err_msg=f"{network} {name}")


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, ...]]:
    """Narrow networks in gan_jax's step, since there are many cases."""
    narrow_networks(monkeypatch)
    return {"generator": SIZES, "discriminator": SIZES}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for such small networks threads cost more than they save
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def batches(mnist) -> np.ndarray:
    """Real images in [-1, 1], float32 (iterations, batch, 784)."""
    images = mnist.train_images[: ITERATIONS * BATCH].reshape(ITERATIONS, BATCH, -1)
    return np.asarray(to_unit_range(images))


@pytest.mark.parametrize(("steps", "iterations"), [(1, ITERATIONS), (2, 3), (4, 3)])
@pytest.mark.parametrize("hparams", SETTINGS.values(), ids=SETTINGS)
def test_float64(hparams, steps, iterations, narrow, batches):
    with jax.enable_x64(True):
        pair = Pair(hparams, steps, narrow)
        images = jnp.asarray(batches, pair.dtype)
        pair.step(images[0])
        pair.assert_agree(1e-10)
        for batch in images[1:iterations]:
            pair.step(batch)
        pair.assert_agree(1e-8)


def test_float64_of_a_whole_iteration_at_full_width(monkeypatch, batches):
    """The whole of `train_step` except the conversion of bytes, which rounds to float32: it is given float64 images."""
    monkeypatch.setattr(steps, "to_unit_range", lambda images: images)
    with jax.enable_x64(True):
        full = {"generator": Generator().hidden_sizes, "discriminator": Discriminator().hidden_sizes}
        pair = Pair(SETTINGS["saturating, one-sided"], 2, full)
        images = jnp.asarray(batches[0], pair.dtype)
        theirs = train_step(pair.gan, tensor(images), pair.carry_noise())
        pair.state, ours = jitted_iterate(pair.state, images, hparams=pair.hparams, discriminator_steps=pair.steps)
        pair.reports.append((ours, theirs))
        pair.assert_agree(1e-10)


@pytest.mark.numeric
@pytest.mark.parametrize("hparams", SETTINGS.values(), ids=SETTINGS)
def test_float32(hparams, narrow, batches):
    """Compare an update of D, and from the same weights one of G, within 64 round-offs of the largest gradient.

    A gradient is a sum of up to 784 products, which adds about sqrt(784) = 28 roundings of its terms, and it has come
    through the layers of both networks, where each adds as many. Adam divides it by its own size: an error of d in a
    gradient g becomes an error of up to 2 d / |g| of an update, which is at most the learning rate. Where g is almost 0
    the weights therefore differ by a whole update, and later float32 iterations diverge.
    """
    pair = Pair(hparams, 1, narrow)
    images, latents = jnp.asarray(batches[0]), pair.carry_noise()
    theirs = torch_baseline.discriminator_step(pair.gan, tensor(images), latents[0])
    pair.state, info = jitted_discriminator_step(pair.state, images, jnp.int32(0), hparams=hparams)
    assert_agree_in_float32(pair, "discriminator")
    pair.carry_weights("discriminator")
    theirs |= torch_baseline.generator_step(pair.gan, latents[1])
    pair.state, loss, norm = jitted_generator_step(pair.state, images, hparams=hparams)
    assert_agree_in_float32(pair, "generator")
    ours = info._asdict() | {"generator_loss": loss, "generator_gradient_norm": norm}
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=64 * ROUND_OFF, err_msg=name)


def assert_agree_in_float32(pair: Pair, network: str) -> None:
    """Assert agreement after one update of the network; see `test_float32`."""
    state = pair.state_of(network)
    # A tenth of the gradient, which is Adam's mean at this point.
    tenths = {(index, leaf): values for (quantity, index, leaf), values in state.items() if quantity == "exp_avg"}
    error = 64 * ROUND_OFF * max(np.abs(ours).max() for ours, _ in tenths.values())
    for place, (ours, theirs) in tenths.items():
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=error, err_msg=f"{network} {place}")
        updates = pair.hparams.learning_rate * 2 * error / np.maximum(np.abs(ours), error)
        ours, theirs = state["parameter", *place]
        assert (np.abs(ours - theirs) <= updates + 2 * ROUND_OFF * np.abs(ours)).all(), f"{network} {place}"


def test_carried_masks_drop_as_torchs_dropout():
    original, carried, inputs = nn.Dropout(RATE), CarriedDropout(RATE), torch.randn(100, 100, dtype=torch.float64)
    dropped = original(inputs)
    carried.masks = [dropped != 0]
    torch.testing.assert_close(carried(inputs), dropped, rtol=1e-15, atol=0)  # one rounding
    assert 0.25 < (dropped == 0).double().mean() < 0.35
