"""Trained networks embedded in a page, and the latent directions that change the generator's output most."""

import base64
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.errors import UserError

DIRECTIONS = 8
MOST_BYTES = 9_000_000  # of a page's weights in base64: both networks at the homework's width take 7.9 million

Layers = Mapping[str, Mapping[str, np.ndarray]]  # {layer: {"kernel": (fan_in, features), "bias": (features,)}}


class Network(NamedTuple):
    """Fully connected layers in order, each with its kernel, row by row, and then its bias, in float16."""

    shapes: list[tuple[int, int]]  # (fan_in, features)
    weights: str  # base64, little-endian


class Live(NamedTuple):
    """Data from which a page generates digits."""

    generator: Network
    discriminator: Network | None  # None: D's output is not shown
    offset: float  # subtracted from D's logit
    directions: list[list[float]]  # unit vectors, the one that changes the first layer most first


def embed(generator: Layers, discriminator: Layers | None = None, offset: float = 0.0) -> Live:
    """Embed both networks' layers, under flax's names.

    Args:
        generator: float (128, ...) to (..., 784), layers hidden_1, hidden_2, ... and image.
        discriminator: float (784, ...) to (..., 1), layers hidden_1, hidden_2, ... and logit; or None.
        offset: subtracted from D's logit, as in `gan_jax.inference.pretrained.TrainedDiscriminator`.

    Raises:
        UserError: if they would take more than MOST_BYTES.
    """
    first = _network(generator)
    second = None if discriminator is None else _network(discriminator)
    size = len(first.weights) + (0 if second is None else len(second.weights))
    if size > MOST_BYTES:
        raise UserError(f"its weights take {size / 1e6:.1f} MB of the page, which has room for {MOST_BYTES / 1e6:.0f}")
    return Live(first, second, offset, directions(generator["hidden_1"]["kernel"]))


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
    shapes, parts = [], []
    for name in (*hidden, last):
        kernel, bias = layers[name]["kernel"], layers[name]["bias"]
        shapes.append((int(kernel.shape[0]), int(kernel.shape[1])))
        parts += [np.asarray(kernel, "<f2").tobytes(), np.asarray(bias, "<f2").tobytes()]
    return Network(shapes, base64.b64encode(b"".join(parts)).decode())
