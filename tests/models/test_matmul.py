"""The matrix product and its gradients against float64 products of the same operands."""

import re
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.matmul import matmul

pytestmark = pytest.mark.numeric

computed: Any = matmul  # pyright takes the result of a custom_vjp function for anything


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(7, 5, 3), (8, 5, 1), (64, 784, 256)])
def test_product_and_its_gradients(shape, precision):
    n, k, m = shape
    keys = jax.random.split(jax.random.key(9), 3)
    left, right, cotangent = (
        jax.random.normal(key, size) for key, size in zip(keys, ((n, k), (k, m), (n, m)), strict=True)
    )
    found, pull_back = jax.vjp(lambda left, right: computed(left, right, precision), left, right)
    x, w, g = (np.asarray(array.astype(precision), np.float64) for array in (left, right, cotangent))
    for ours, expected in zip((found, *pull_back(cotangent)), (x @ w, g @ w.T, x.T @ g), strict=True):
        chex.assert_type(ours, jnp.float32)
        # Sums of up to 784 float32 products of size 1: below 784 roundings of 6e-8 of sums of up to 100.
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize(
    ("precision", "expected_text"),
    [
        ("float32", "precision = [HIGHEST, HIGHEST]"),
        ("tensorfloat32", "lhs_precision_type = tf32"),
        ("bfloat16", "(tensor<16x64xbf16>, tensor<64x32xbf16>) -> tensor<16x32xf32>"),
    ],
)
def test_each_precision_is_explicit_in_the_program_for_gpus(precision, expected_text):
    """All three products state it, when lowered for CUDA: by default float32 would be TensorFloat-32."""

    def gradients(x, w):
        return jax.value_and_grad(lambda x, w: computed(x, w, precision).sum(), argnums=(0, 1))(x, w)

    shapes = (jax.ShapeDtypeStruct((n, m), jnp.float32) for n, m in ((16, 64), (64, 32)))
    text = jax.jit(gradients).trace(*shapes).lower(lowering_platforms=("cuda",)).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) == 3
    if precision == "bfloat16":
        assert expected_text in products[0]
        assert all("xbf16>) -> tensor<" in line and line.rstrip().endswith("xf32>") for line in products)
    else:
        assert all(expected_text in line for line in products)


def test_precision_float32_keeps_float64_inputs_in_float64():
    with jax.enable_x64(True):
        x, w, g = (jax.random.normal(jax.random.key(i), (6, 6), jnp.float64) for i in range(3))
        found, pull_back = jax.vjp(lambda x, w: computed(x, w, "float32"), x, w)
        for ours, expected in zip((found, *pull_back(g)), (x @ w, g @ w.T, x.T @ g), strict=True):
            chex.assert_type(ours, jnp.float64)
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)  # six roundings of 1e-16 of sums of a few


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_vmapped_products_agree(precision):
    """`vmap`, used for several seeds in one program, changes only the order of sums."""
    x, w = jax.random.normal(jax.random.key(0), (3, 8, 6)), jax.random.normal(jax.random.key(1), (3, 6, 4))

    def gradients(x, w):
        return jax.grad(lambda x, w: jnp.sum(computed(x, w, precision) ** 2), argnums=(0, 1))(x, w)

    together = jax.vmap(gradients)(x, w)
    alone = [gradients(x[i], w[i]) for i in range(3)]
    # Sums of up to eight float32 products of size 10.
    chex.assert_trees_all_close(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone), atol=1e-4)


def higher_derivatives(multiply, x, w, v):
    """Return the second and third derivatives of the mean squared input gradient of a layer and a half."""

    def squared(x, w, v):
        gradient = jax.grad(lambda x: jnp.sum(multiply(jnp.tanh(multiply(x, w)), v)))(x)
        return jnp.mean(gradient**2)

    second = jax.grad(squared, argnums=(0, 1, 2))(x, w, v)
    return second, jax.grad(lambda w: jnp.sum(jax.grad(squared, argnums=1)(x, w, v) ** 2))(w)


@pytest.mark.parametrize(
    ("precision", "of", "tolerance"),
    [
        ("float32", jnp.float64, 1e-12),  # roundings of 1e-16 in sums of a few tens
        ("float32", jnp.float32, 1e-4),  # and of 6e-8
        ("bfloat16", jnp.float32, 0.03),  # about ten operands in sequence, each rounded by at most 0.4 %
    ],
)
def test_higher_derivatives(precision, of, tolerance):
    """They agree with those of jax's own product in float64."""
    with jax.enable_x64(True):
        shapes = ((16, 6), (6, 8), (8, 3))
        keys = jax.random.split(jax.random.key(4), 3)
        arrays = [jax.random.normal(key, shape) / 2 for key, shape in zip(keys, shapes, strict=True)]
        expected = higher_derivatives(jnp.matmul, *arrays)
        found = higher_derivatives(lambda a, b: computed(a, b, precision), *(array.astype(of) for array in arrays))
        for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            chex.assert_type(ours, of)
            assert jnp.linalg.norm(ours - theirs) < tolerance * jnp.linalg.norm(theirs)


@pytest.mark.parametrize(
    ("precision", "expected_text"),
    [
        ("float32", r"precision = \[HIGHEST, HIGHEST\]"),
        ("tensorfloat32", "lhs_precision_type = tf32"),
        ("bfloat16", r"tensor<[^>]*xbf16>, tensor<[^>]*xbf16>\) -> tensor<[^>]*xf32>"),
    ],
)
def test_higher_derivatives_are_products_of_the_same_precision(precision, expected_text):
    """jax's own rule would multiply float32 by bfloat16, which is slower, and round the sums to bfloat16."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((16, 64), (64, 32), (32, 8))]
    program = jax.jit(partial(higher_derivatives, lambda a, b: computed(a, b, precision)))
    text = program.trace(*shapes).lower(lowering_platforms=("cuda",)).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) >= 10
    assert all(re.search(expected_text, line) for line in products)
