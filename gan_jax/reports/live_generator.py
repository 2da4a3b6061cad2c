"""A trained generator for a page: its weights as base64 of float16, and the latent directions that move it most."""

import base64
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.errors import UserError

DIRECTIONS = 8
MOST_BYTES = 9_000_000  # of a page's weights, as text: both networks at the homework's width take 7.9 million

Layers = Mapping[str, Mapping[str, np.ndarray]]  # {layer: {"kernel": (fan_in, features), "bias": (features,)}}


class Network(NamedTuple):
    """Fully connected layers in order: of each the kernel, row by row, and then the bias, all in float16."""

    shapes: list[tuple[int, int]]  # (fan_in, features)
    weights: str  # base64, little-endian


class Live(NamedTuple):
    """Data that a page needs to draw digits itself."""

    generator: Network
    discriminator: Network | None  # without it there are no verdicts
    directions: list[list[float]]  # unit vectors of latents, the one that moves the first layer most before others


def embed(generator: Layers, discriminator: Layers | None = None) -> Live:
    """Both networks' layers, as flax names them, for the page.

    Args:
        generator: float (128, ...) to (..., 784), layers hidden_1, hidden_2, ... and image.
        discriminator: float (784, ...) to (..., 1), layers hidden_1, hidden_2, ... and logit; or None.

    Raises:
        UserError: if they would take more of the page than there is room for.
    """
    networks = [_network(generator), None if discriminator is None else _network(discriminator)]
    size = sum(len(network.weights) for network in networks if network is not None)
    if size > MOST_BYTES:
        raise UserError(f"its weights take {size / 1e6:.1f} MB of the page, which has room for {MOST_BYTES / 1e6:.0f}")
    first, second = networks
    assert first is not None
    return Live(first, second, directions(generator["hidden_1"]["kernel"]))


def directions(kernel: np.ndarray, count: int = DIRECTIONS) -> list[list[float]]:
    """The principal components of the first layer's kernel, float (latent, features): what its inputs are stretched by.

    A unit step along the first of these unit vectors changes the first layer's output most of all unit steps, and so
    on. The sign of each is chosen so that its largest entry is positive.
    """
    left, _, _ = np.linalg.svd(np.asarray(kernel, np.float64), full_matrices=False)
    vectors = left[:, :count].T
    signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
    return [[float(f"{value:.7g}") for value in vector] for vector in vectors * signs[:, None]]


def _network(layers: Layers) -> Network:
    hidden = sorted((name for name in layers if name.startswith("hidden_")), key=lambda name: int(name[7:]))
    [last] = set(layers) - set(hidden)
    shapes, parts = [], []
    for name in (*hidden, last):
        kernel, bias = layers[name]["kernel"], layers[name]["bias"]
        shapes.append((int(kernel.shape[0]), int(kernel.shape[1])))
        parts += [np.asarray(kernel, "<f2").tobytes(), np.asarray(bias, "<f2").tobytes()]
    return Network(shapes, base64.b64encode(b"".join(parts)).decode())
