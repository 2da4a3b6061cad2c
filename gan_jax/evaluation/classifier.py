"""Pretrained MNIST classifier, whose features and classes the evaluation uses.

It has four convolutions, 128 features after a ReLU, and ten logits: 463 306 parameters. The weights were trained by
`experiments/scripts/train_classifier.py`; they are stored beside this file in float16 and used in float32.
"""

from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax

from gan_jax.models.mlp import IMAGE_SIZE
from gan_jax.types import Params
from gan_jax.utils import safetensors_io
from gan_jax.utils.batched_map import map_rows
from gan_jax.utils.jit import deterministic_jit

WEIGHTS = Path(__file__).with_name("mnist_classifier.safetensors")
WEIGHTS_SHA256 = "c4a00e97f5001b53069352bf4289c96eaa7b4c9bb507fb88141c9713fcabf340"
MAX_BYTES = 16 * 2**20  # four times the parameters in float64
FEATURES = 128
CLASSES = 10
BLOCK = 250  # images at a time, so that activations fit in the processor's cache


class Convolution(NamedTuple):
    """Square convolution: output channels, kernel size and stride in pixels; `size // 2` zeros on every side."""

    channels: int
    size: int
    stride: int


# Otherwise GPUs would round the operands to 10 bits, which changes the features.
PRECISION = jax.lax.Precision.HIGHEST
CONVOLUTIONS = (Convolution(16, 5, 2), Convolution(32, 3, 1), Convolution(64, 3, 2), Convolution(64, 3, 1))


class Classifier(nn.Module):
    """Network from images float32 (n, 784) in [-1, 1] to features float32 (n, 128) >= 0 and logits float32 (n, 10)."""

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
def classify(parameters: Params, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Compute features float32 (n, 128) >= 0 and logits float32 (n, 10) of images float32 (n, 784) in [-1, 1]."""
    return map_rows(lambda rows: Classifier().apply(parameters, rows), images, BLOCK)


def load_classifier(path: Path | None = None) -> Params:
    """Load the parameters of `classify` in float32.

    Args:
        path: safetensors file with one tensor for each of flax's parameters, named by its path, such as
            `convolution_0.kernel` or `features.bias`, of a floating-point type that NumPy has; by default the file
            shipped for MNIST.

    Raises:
        UserError: if the file is missing, has another layout or type, or holds values that are not finite in float32,
            or if the shipped file does not have the expected SHA-256.
    """
    source, sha256 = (WEIGHTS, WEIGHTS_SHA256) if path is None else (path, None)
    tensors, _ = safetensors_io.read(source, MAX_BYTES, sha256)
    return safetensors_io.params_from_tensors(tensors, Classifier(), IMAGE_SIZE, source, "this package's classifier")
