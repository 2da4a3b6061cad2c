"""The two networks of the homework, fully connected, as flax.linen modules.

A module is a frozen, hashable description; its parameters live outside it: `init(key, x) -> params` and
`apply(params, x) -> y` are pure. Linen rather than nnx because that is all this project asks of a model library.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gan_jax.models.dropout import dropout
from gan_jax.models.matmul import product
from gan_jax.models.minibatch_stddev import minibatch_stddev
from gan_jax.types import Precision

LATENT_SIZE = 128
IMAGE_SIZE = 28 * 28
LEAKY_SLOPE = 0.2
GENERATOR_SIZES = (256, 512, 1024)  # of the hidden layers
DISCRIMINATOR_SIZES = (1024, 512, 256)


def widened(sizes: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Every size times `width`."""
    return tuple(width * size for size in sizes)


def torch_uniform(fan_in: int) -> nn.initializers.Initializer:
    """torch's default for the weight and the bias of `nn.Linear`: uniform in ±1/sqrt(fan_in)."""
    bound = fan_in**-0.5

    def initialise(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return initialise


def linear(inputs: Array, features: int, precision: Precision, name: str) -> Array:
    """x W + b: float32 (batch, fan_in) -> float32 (batch, features), within a compact module; see `product`."""
    fan_in = inputs.shape[-1]
    return nn.Dense(
        features,
        kernel_init=torch_uniform(fan_in),
        bias_init=torch_uniform(fan_in),
        dot_general=lambda inputs, kernel, *_, **__: product(inputs, kernel, precision),
        name=name,
    )(inputs)


class Generator(nn.Module):
    """Latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]; 1 493 520 parameters."""

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
    """Images float32 (batch, 784) in [-1, 1] -> logits float32 (batch,); 1 460 225 parameters.

    With a `dropout_key` the network is in training: dropout follows each hidden layer. Without one it is not.

    Packed, it takes `packing` images, one after the other, for one input, and gives one logit for all of them; with a
    `deviation_group` it is told how much the features of so many inputs differ, whose kinds, `kinds` of them, take
    turns in the batch.
    """

    precision: Precision = "float32"
    hidden_sizes: tuple[int, ...] = DISCRIMINATOR_SIZES
    dropout_rate: float = 0.3
    deviation_group: int = 0

    @nn.compact
    def __call__(self, images: Array, dropout_key: Array | None = None, kinds: int = 1) -> Array:
        hidden = images
        for index, size in enumerate(self.hidden_sizes, start=1):
            hidden = nn.leaky_relu(linear(hidden, size, self.precision, f"hidden_{index}"), LEAKY_SLOPE)
            if dropout_key is not None and self.dropout_rate > 0:
                hidden = dropout(jax.random.fold_in(dropout_key, index), hidden, self.dropout_rate)
        if self.deviation_group:
            hidden = jnp.concatenate([hidden, minibatch_stddev(hidden, self.deviation_group, kinds)], axis=1)
        return linear(hidden, 1, self.precision, "logit")[:, 0]
