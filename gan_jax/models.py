"""The two networks of the homework, fully connected, as flax.linen modules.

A module is a frozen, hashable description; its parameters live outside it: `init(key, x) -> params` and
`apply(params, x) -> y` are pure. Linen rather than nnx because that is all this project asks of a model library.
"""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

Precision = Literal["float32", "bfloat16"]

LATENT_SIZE = 128
IMAGE_SIZE = 28 * 28
MAX_DROPOUT_RATE = 0.999  # beyond it, the rate's rounding to 1/65536 would be more than 2 % of what is kept
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


@jax.custom_vjp
def bfloat16_product(left: Array, right: Array) -> Array:
    """float32 (n, k) times float32 (k, m) -> float32 (n, m): operands rounded to bfloat16, sums in float32.

    The two products of its gradient are the same kind. jax's own gradient of a product of bfloat16 operands would
    multiply float32 by bfloat16 and round the result to bfloat16.
    """
    return _bfloat16_dot(left, right)


def _bfloat16_dot(left: Array, right: Array) -> Array:
    return jnp.dot(left.astype(jnp.bfloat16), right.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def _forward(left: Array, right: Array) -> tuple[Array, tuple[Array, Array]]:
    operands = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
    return _bfloat16_dot(*operands), operands


def _backward(operands: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    left, right = operands
    return _bfloat16_dot(cotangent, right.T), _bfloat16_dot(left.T, cotangent)


bfloat16_product.defvjp(_forward, _backward)


def linear(inputs: Array, features: int, precision: Precision, name: str) -> Array:
    """x W + b: float32 (batch, fan_in) -> float32 (batch, features), within a compact module.

    "bfloat16" rounds the operands of the product and of the two products of its gradient to bfloat16 and sums in
    float32; parameters, gradients and results are float32 either way. "float32" asks for full float32, also where a
    device would take TensorFloat-32 unasked; parameters of float64 are computed with in float64.
    """
    fan_in = inputs.shape[-1]
    rounded = precision == "bfloat16"
    return nn.Dense(
        features,
        kernel_init=torch_uniform(fan_in),
        bias_init=torch_uniform(fan_in),
        dot_general=(lambda x, w, *_, **__: bfloat16_product(x, w)) if rounded else lax.dot_general,
        precision=lax.Precision.HIGHEST,
        name=name,
    )(inputs)


def dropout(key: Array, inputs: Array, rate: float) -> Array:
    """Zero each element with probability `rate` and scale the others so that the mean is kept (inverted dropout).

    The rate is rounded to a multiple of 1/65536, and the scale is that of the rounded rate, because 16 random bits an
    element cost half as much as the 32 of `jax.random.bernoulli`.

    Args:
        key: typed key ().
        inputs: float32 of any shape.
        rate: from 0 to `MAX_DROPOUT_RATE`, known when the function is traced.
    """
    threshold = round(rate * 2**16)
    kept = jax.random.bits(key, inputs.shape, jnp.uint16) >= threshold
    return jnp.where(kept, inputs * (2**16 / (2**16 - threshold)), 0)


class Generator(nn.Module):
    """Latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]; 1 493 520 parameters."""

    precision: Precision = "float32"
    hidden_sizes: tuple[int, ...] = GENERATOR_SIZES

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        hidden = latents
        for index, size in enumerate(self.hidden_sizes, start=1):
            hidden = nn.leaky_relu(linear(hidden, size, self.precision, f"hidden_{index}"), LEAKY_SLOPE)
        return jnp.tanh(linear(hidden, IMAGE_SIZE, self.precision, "image"))


class Discriminator(nn.Module):
    """Images float32 (batch, 784) in [-1, 1] -> logits float32 (batch,); 1 460 225 parameters.

    With a `dropout_key` the network is in training: dropout follows each hidden layer. Without one it is not.
    """

    precision: Precision = "float32"
    hidden_sizes: tuple[int, ...] = DISCRIMINATOR_SIZES
    dropout_rate: float = 0.3

    @nn.compact
    def __call__(self, images: Array, dropout_key: Array | None = None) -> Array:
        hidden = images
        for index, size in enumerate(self.hidden_sizes, start=1):
            hidden = nn.leaky_relu(linear(hidden, size, self.precision, f"hidden_{index}"), LEAKY_SLOPE)
            if dropout_key is not None and self.dropout_rate > 0:
                hidden = dropout(jax.random.fold_in(dropout_key, index), hidden, self.dropout_rate)
        return linear(hidden, 1, self.precision, "logit")[:, 0]
