"""Matrix product of both networks' layers, in any precision, with a gradient that is fast on CPUs."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from gan_jax.types import Precision

MAX_CHUNKS = 8  # 2 are as fast; 8 also split a batch along the boundaries between 2, 4 or 8 devices


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def matmul(inputs: Array, kernel: Array, precision: Precision) -> Array:
    """Multiply two matrices.

    Precisions:
        "float32": full float32, also on devices that use TensorFloat-32 by default; float64 operands stay float64.
        "bfloat16": operands rounded to bfloat16 and sums in float32, in the product and in its derivatives. JAX's own
            gradient would multiply float32 by bfloat16 and round the result to bfloat16.
        "tensorfloat32": operands rounded to 10 bits of mantissa by NVIDIA's tensor cores; other devices raise an error.

    On a CPU, XLA runs a product that contracts the first axis of both operands, or the last axis of both, at 50 to 90 %
    of the rate of other products, and in bfloat16 only at float32's rate. If the contracted axis is split into chunks,
    XLA copies the operands to another layout, in 1 % of the product's time, and multiplies as fast as in the forward
    pass. The axes are given by number because `jnp.einsum` chooses layouts by the alphabetical order of their names.

    The gradient consists of two other products (A B^T and A^T B), whose gradients are again among the three: every
    derivative, including those of gradient penalties, has this function's precision and speed. Reverse-mode
    differentiation works any number of times; JAX raises an error for forward mode.

    Args:
        inputs: float32 (n, k).
        kernel: float32 (k, m).
        precision: static.

    Returns:
        float32 (n, m).
    """
    return _contract(_round(inputs, precision), (1,), _round(kernel, precision), (0,), precision)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _times_transposed(left: Array, right: Array, precision: Precision) -> Array:
    """Multiply (n, m) by the transpose of (k, m): (n, k)."""
    left, right = _round(left, precision), _round(right, precision)
    if precision == "bfloat16":
        return _contract(_split(left, 1), (1, 2), _split(right, 1), (1, 2), precision)
    return _contract(left, (1,), right, (1,), precision)  # in float32 as fast as the forward pass


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed_times(left: Array, right: Array, precision: Precision) -> Array:
    """Multiply the transpose of (n, k) by (n, m): (k, m)."""
    left, right = _round(left, precision), _round(right, precision)
    return _contract(_split(left, 0), (0, 1), _split(right, 0), (0, 1), precision)


# Cotangents of A and B, given that of A B, A B^T or A^T B. The operands are saved unrounded and rounded again, which
# costs little: if the rounded ones were saved, their derivatives would be rounded to bfloat16, too.
matmul.defvjp(
    lambda a, b, precision: (matmul(a, b, precision), (a, b)),
    lambda precision, ab, d: (_times_transposed(d, ab[1], precision), _transposed_times(ab[0], d, precision)),
)
_times_transposed.defvjp(
    lambda a, b, precision: (_times_transposed(a, b, precision), (a, b)),
    lambda precision, ab, d: (matmul(d, ab[1], precision), _transposed_times(d, ab[0], precision)),
)
_transposed_times.defvjp(
    lambda a, b, precision: (_transposed_times(a, b, precision), (a, b)),
    lambda precision, ab, d: (_times_transposed(ab[1], d, precision), matmul(ab[0], d, precision)),
)


# Precision argument of XLA's product; bfloat16 operands have been rounded before.
_DOT_PRECISION = {
    "float32": lax.Precision.HIGHEST,
    "tensorfloat32": lax.DotAlgorithmPreset.TF32_TF32_F32,
    "bfloat16": None,
}


def _contract(
    left: Array, left_axes: tuple[int, ...], right: Array, right_axes: tuple[int, ...], precision: Precision
) -> Array:
    """Contract two operands over the given axes; sums of bfloat16 products are in float32."""
    return lax.dot_general(
        left,
        right,
        ((left_axes, right_axes), ((), ())),
        precision=_DOT_PRECISION[precision],
        preferred_element_type=jnp.float32 if precision == "bfloat16" else left.dtype,
    )


def _round(operand: Array, precision: Precision) -> Array:
    return operand.astype(jnp.bfloat16) if precision == "bfloat16" else operand


def _split(array: Array, axis: int) -> Array:
    """Split an axis of length n into two: gcd(n, MAX_CHUNKS) chunks and their length."""
    length = array.shape[axis]
    count = math.gcd(length, MAX_CHUNKS)
    return array.reshape(*array.shape[:axis], count, length // count, *array.shape[axis + 1 :])
