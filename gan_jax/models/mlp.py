"""Generator and discriminator of the homework: fully connected networks as flax.linen modules.

A module is a frozen, hashable description without parameters: `init(key, x) -> params` and `apply(params, x) -> y` are
pure. That is all this project needs of a model library, hence linen and not nnx.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.models.dropout import dropout
from gan_jax.models.matmul import matmul
from gan_jax.models.minibatch_stddev import minibatch_stddev
from gan_jax.types import Precision

LATENT_SIZE = 128
IMAGE_SIZE = 28 * 28
LEAKY_SLOPE = 0.2
GENERATOR_SIZES = (256, 512, 1024)  # of the hidden layers
DISCRIMINATOR_SIZES = (1024, 512, 256)


def widened(sizes: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Multiply every size by `width`."""
    return tuple(width * size for size in sizes)


def torch_uniform(fan_in: int) -> nn.initializers.Initializer:
    """Return torch's default initializer of weights and biases in `nn.Linear`: uniform in ±1/sqrt(fan_in)."""
    bound = fan_in**-0.5

    def initialize(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return initialize


def linear(inputs: Array, features: int, precision: Precision, name: str) -> Array:
    """Apply a dense layer, x W + b, in a compact module.

    Args:
        inputs: float32 (batch, fan_in).
        features: number of outputs.
        precision: precision of the product, as for `matmul`.
        name: name of the layer in the parameters.

    Returns:
        float32 (batch, features).
    """
    fan_in = inputs.shape[-1]
    return nn.Dense(
        features,
        kernel_init=torch_uniform(fan_in),
        bias_init=torch_uniform(fan_in),
        dot_general=lambda inputs, kernel, *_, **__: matmul(inputs, kernel, precision),
        name=name,
    )(inputs)


class Generator(nn.Module):
    """Network from latents float32 (batch, 128) to images float32 (batch, 784) in [-1, 1]; 1 493 520 parameters."""

    precision: Precision = "float32"
    hidden_sizes: tuple[int, ...] = GENERATOR_SIZES
    image_size: int = IMAGE_SIZE

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        hidden = latents
        for index, size in enumerate(self.hidden_sizes, start=1):
            hidden = nn.leaky_relu(linear(hidden, size, self.precision, f"hidden_{index}"), LEAKY_SLOPE)
        return jnp.tanh(linear(hidden, self.image_size, self.precision, "image"))


class Discriminator(nn.Module):
    """Network from images float32 (batch, 784) in [-1, 1] to logits float32 (batch,); 1 460 225 parameters.

    Dropout follows each hidden layer if there is a `dropout_key`, which is given in training only. With a
    `stddev_group_size` other than 0, the last layer also takes the minibatch standard deviation; `interleaved` is as
    for `minibatch_stddev`. The inputs may be packs of several images, each with one logit.
    """

    precision: Precision = "float32"
    hidden_sizes: tuple[int, ...] = DISCRIMINATOR_SIZES
    dropout_rate: float = 0.3
    stddev_group_size: int = 0

    @nn.compact
    def __call__(self, images: Array, dropout_key: Array | None = None, interleaved: int = 1) -> Array:
        hidden = images
        for index, size in enumerate(self.hidden_sizes, start=1):
            hidden = nn.leaky_relu(linear(hidden, size, self.precision, f"hidden_{index}"), LEAKY_SLOPE)
            if dropout_key is not None and self.dropout_rate > 0:
                hidden = dropout(jax.random.fold_in(dropout_key, index), hidden, self.dropout_rate)
        if self.stddev_group_size:
            stddev = minibatch_stddev(hidden, self.stddev_group_size, interleaved)
            hidden = jnp.concatenate([hidden, stddev], axis=1)
        return linear(hidden, 1, self.precision, "logit")[:, 0]
