"""Trained networks embedded in a page, and the latent directions that change the generator's output most."""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gan_jax.errors import UserError
from gan_jax.inference.quantized import compress, quantize

DIRECTIONS = 8
LEVELS = 31  # positive values of a weight: 6 bits; about 5 after compression
MOST_BYTES = 6_000_000  # of a page's weights in base64: each network at the homework's width takes 1.3 to 1.4 million

Layers = Mapping[str, Mapping[str, np.ndarray]]  # {layer: {"kernel": (fan_in, features), "bias": (features,)}}


class Network(NamedTuple):
    """Fully connected layers, by name in their order, and their weights."""

    layers: list[str]
    weights: str  # base64 of what `gan_jax.inference.quantized.compress` returns


class Live(NamedTuple):
    """A generator that the page draws with, and the D that answers, if it is shown."""

    name: str
    about: str
    generator: Network
    discriminator: Network | None  # None: D's output is not shown
    offset: float  # subtracted from D's logit
    directions: list[list[float]]  # unit vectors, the one that changes the first layer most first

    @property
    def size(self) -> int:
        """Bytes of the weights in the page."""
        return sum(len(network.weights) for network in (self.generator, self.discriminator) if network is not None)


def embed(name: str, about: str, generator: Layers, discriminator: Layers | None = None, offset: float = 0.0) -> Live:
    """Embed the layers of G, and of D if it is given, under flax's names.

    Args:
        name: name of the generator.
        about: explanation of where it is from, and of D's output.
        generator: float (128, ...) to (..., 784), layers hidden_1, hidden_2, ... and image.
        discriminator: float (784, ...) to (..., 1), layers hidden_1, hidden_2, ... and logit; or None.
        offset: subtracted from D's logit, as in `gan_jax.inference.pretrained.TrainedDiscriminator`.

    Raises:
        UserError: if they would take more than MOST_BYTES.
    """
    networks = _network(generator), None if discriminator is None else _network(discriminator)
    live = Live(name, about, *networks, offset, directions(generator["hidden_1"]["kernel"]))
    if live.size > MOST_BYTES:
        raise UserError(
            f"its weights take {live.size / 1e6:.1f} MB of the page, which has room for {MOST_BYTES / 1e6:g}"
        )
    return live


def those_that_fit(choices: Sequence[Live]) -> list[Live]:
    """Leave out each generator after the first whose weights no longer fit into MOST_BYTES."""
    chosen: list[Live] = []
    for live in choices:
        if live.size + sum(other.size for other in chosen) <= MOST_BYTES:
            chosen.append(live)
    return chosen


def directions(kernel: np.ndarray, count: int = DIRECTIONS) -> list[list[float]]:
    """Compute the left singular vectors of the first layer's kernel, float (latent, features), largest gain first.

    No other unit step changes the first layer's output as much as one along the first vector, and so on. Signs are
    chosen so that the entry of largest magnitude is positive.
    """
    left, _, _ = np.linalg.svd(np.asarray(kernel, np.float64), full_matrices=False)
    vectors = left[:, :count].T
    signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
    return [[float(f"{value:.7g}") for value in vector] for vector in vectors * signs[:, None]]


def _network(layers: Layers) -> Network:
    hidden = sorted((name for name in layers if name.startswith("hidden_")), key=lambda name: int(name[7:]))
    [last] = set(layers) - set(hidden)
    content = compress(quantize({"params": layers}, LEVELS), {})
    return Network([*hidden, last], base64.b64encode(content).decode())
