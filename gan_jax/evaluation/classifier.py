"""The MNIST classifier whose features and classes the measurements rest on: loaded, never trained here.

Four convolutions, 128 features after a ReLU, ten logits: 463 306 parameters. `experiments/train_classifier.py` trained
it; the weights lie beside this file in float16 and are computed with in float32.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load

from gan_jax.errors import UserError
from gan_jax.evaluation.blocks import map_rows
from gan_jax.files import read_regular
from gan_jax.programs import deterministic_jit

WEIGHTS = Path(__file__).with_name("mnist_classifier.safetensors")
WEIGHTS_SHA256 = "c4a00e97f5001b53069352bf4289c96eaa7b4c9bb507fb88141c9713fcabf340"
MAX_BYTES = 16 * 2**20  # four times the parameters in float64
LISTED = 8  # parameters that an error names
FEATURES = 128
CLASSES = 10
BLOCK = 250  # images at a time: the activations then stay in the processor's cache

Parameters = dict[str, Any]


class Convolution(NamedTuple):
    """A square convolution: output channels, kernel size and stride in pixels; `size // 2` zeros on every side."""

    channels: int
    size: int
    stride: int


# The highest precision: GPUs would otherwise round the operands to 10 bits, and the features would be other ones.
PRECISION = jax.lax.Precision.HIGHEST
CONVOLUTIONS = (Convolution(16, 5, 2), Convolution(32, 3, 1), Convolution(64, 3, 2), Convolution(64, 3, 1))


class Classifier(nn.Module):
    """float32 (batch, 784) in [-1, 1] to features float32 (batch, 128) >= 0 and logits float32 (batch, 10)."""

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        hidden = images.reshape(-1, 28, 28, 1)
        for index, (channels, size, stride) in enumerate(CONVOLUTIONS):
            name = f"convolution_{index}"
            layer = nn.Conv(channels, (size, size), stride, padding=size // 2, precision=PRECISION, name=name)
            hidden = nn.relu(layer(hidden))
        hidden = hidden.reshape(len(images), -1)
        features = nn.relu(nn.Dense(FEATURES, precision=PRECISION, name="features")(hidden))
        return features, nn.Dense(CLASSES, precision=PRECISION, name="logits")(features)


@deterministic_jit
def classify(parameters: Parameters, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The features float32 (n, 128) >= 0 and logits float32 (n, 10) of images float32 (n, 784) in [-1, 1]."""
    return map_rows(lambda rows: Classifier().apply(parameters, rows), images, BLOCK)


def load_classifier(path: Path | None = None) -> Parameters:
    """The parameters float32 of `classify`: those shipped for MNIST, or those in a safetensors file of the same layout.

    The layout is one tensor for each of flax's parameters, by its path: `convolution_0.kernel`, `features.bias`, ...,
    of a floating-point type that numpy has. Raises UserError if the file is missing, of another layout or type, or
    holds values that are not finite in float32; or if the shipped one is not the one hashed here.
    """
    source = WEIGHTS if path is None else path
    try:
        content = read_regular(source, MAX_BYTES, links=True)
        tensors = load(content)
    except KeyError as error:  # BF16 and F8 types, by their names
        raise UserError(f"{source} holds weights of type {error.args[0]}: save them as F16, F32 or F64") from error
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise UserError(f"cannot read the classifier's weights in {source}: {error}") from error
    if path is None and sha256(content) != WEIGHTS_SHA256:
        raise UserError(f"{source} is damaged: its SHA-256 is {sha256(content)}, not {WEIGHTS_SHA256}")
    expected = _layout()
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted({name for name, _ in found.items() ^ expected.items()})
        raise UserError(f"{source} does not hold this package's classifier: see {', '.join(wrong[:LISTED])}")
    parameters = {name: jnp.asarray(_as_float32(tensor, f"{source}: {name}")) for name, tensor in tensors.items()}
    return {"params": unflatten_dict(parameters, sep=".")}


def sha256(content: bytes) -> str:
    """The SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _as_float32(tensor: np.ndarray, name: str) -> np.ndarray:
    """A tensor in float32. Raises UserError unless it is of floating-point numbers that are finite there."""
    if not np.issubdtype(tensor.dtype, np.floating):
        raise UserError(f"{name} holds weights of type {tensor.dtype}: save them as F16, F32 or F64")
    with np.errstate(over="ignore"):  # a float64 that is too large becomes infinite, and is told below
        values = tensor.astype(np.float32)
    if not np.isfinite(values).all():
        raise UserError(f"{name} holds values that are not finite")
    return values


def _layout() -> dict[str, Any]:
    """The shape of every parameter, by its path."""
    parameters = jax.eval_shape(Classifier().init, jax.random.key(0), jax.ShapeDtypeStruct((1, 784), jnp.float32))
    shapes = jax.tree.map(lambda leaf: leaf.shape, parameters["params"])
    return dict(flatten_dict(shapes, sep="."))
