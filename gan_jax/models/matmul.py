"""The matrix product of both networks in any precision, with its gradient in a form that the CPU multiplies fast."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from gan_jax.types import Precision

PIECES = 8  # from 2 on as fast; a batch over 2, 4 or 8 devices is cut between them by this one


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def product(inputs: Array, kernel: Array, precision: Precision) -> Array:
    """float32 (n, k) times float32 (k, m) -> float32 (n, m).

    "bfloat16" rounds the operands of the product, and of those of its derivatives, to bfloat16 and sums in float32;
    jax's own gradient would multiply float32 by bfloat16 and round the result to bfloat16. "float32" asks for full
    float32, also where a device would take TensorFloat-32 unasked; operands of float64 are computed with in float64.
    "tensorfloat32" has NVIDIA's tensor cores round the operands to 10 bits of mantissa; other devices refuse.

    A product that contracts the first axis of both sides, or the last, runs at a half to nine tenths of the rate of
    others in XLA on a CPU, and in bfloat16 at float32's rate. With the contracted axis cut in pieces, XLA lays the
    operands out anew, in a hundredth of the product's time, and multiplies as in the forward product. The axes are
    numbered for that, not named: of the names of `jnp.einsum` the alphabetical order decides what is laid out how.

    Its gradient is of two more products, and theirs are of these three again: each derivative, as penalties on slopes
    take them, has the operands and the rate of the first. It is differentiated in reverse mode, any number of times;
    jax refuses forward mode.
    """
    return _contracted(_rounded(inputs, precision), (1,), _rounded(kernel, precision), (0,), precision)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _times_transposed(left: Array, right: Array, precision: Precision) -> Array:
    """(n, m) times the transpose of (k, m) -> (n, k)."""
    left, right = _rounded(left, precision), _rounded(right, precision)
    if precision == "bfloat16":
        return _contracted(_in_pieces(left, 1), (1, 2), _in_pieces(right, 1), (1, 2), precision)
    return _contracted(left, (1,), right, (1,), precision)  # in float32 as fast as the forward product


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed_times(left: Array, right: Array, precision: Precision) -> Array:
    """The transpose of (n, k) times (n, m) -> (k, m)."""
    left, right = _rounded(left, precision), _rounded(right, precision)
    return _contracted(_in_pieces(left, 0), (0, 1), _in_pieces(right, 0), (0, 1), precision)


# The cotangents of A and B from that of A B, A B^T and A^T B. The operands are rounded again there, which costs nothing
# beside the products: those that are kept in bfloat16 would have their own derivatives rounded to it.
product.defvjp(
    lambda a, b, precision: (product(a, b, precision), (a, b)),
    lambda precision, ab, d: (_times_transposed(d, ab[1], precision), _transposed_times(ab[0], d, precision)),
)
_times_transposed.defvjp(
    lambda a, b, precision: (_times_transposed(a, b, precision), (a, b)),
    lambda precision, ab, d: (product(d, ab[1], precision), _transposed_times(d, ab[0], precision)),
)
_transposed_times.defvjp(
    lambda a, b, precision: (_transposed_times(a, b, precision), (a, b)),
    lambda precision, ab, d: (_times_transposed(ab[1], d, precision), product(ab[0], d, precision)),
)


# How operands are multiplied that were rounded beforehand, if at all.
_MULTIPLIED = {
    "float32": lax.Precision.HIGHEST,
    "tensorfloat32": lax.DotAlgorithmPreset.TF32_TF32_F32,
    "bfloat16": None,
}


def _contracted(
    left: Array, left_axes: tuple[int, ...], right: Array, right_axes: tuple[int, ...], precision: Precision
) -> Array:
    """The sum over these axes of products; of bfloat16 in float32."""
    return lax.dot_general(
        left,
        right,
        ((left_axes, right_axes), ((), ())),
        precision=_MULTIPLIED[precision],
        preferred_element_type=jnp.float32 if precision == "bfloat16" else left.dtype,
    )


def _rounded(operand: Array, precision: Precision) -> Array:
    return operand.astype(jnp.bfloat16) if precision == "bfloat16" else operand


def _in_pieces(array: Array, axis: int) -> Array:
    """An axis of n as gcd(n, PIECES) pieces of equal length: two axes in its place."""
    length = array.shape[axis]
    count = math.gcd(length, PIECES)
    return array.reshape(*array.shape[:axis], count, length // count, *array.shape[axis + 1 :])
