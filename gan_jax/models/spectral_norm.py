"""Spectral normalization: each layer of D divided by its largest singular value (Miyato et al. 2018, equation 8).

The largest singular value is the maximum of |W u| over unit vectors u. An estimate of the maximizing u is part of D's
parameters, under "singular" beside "params", so that D is a function of its parameters alone. Each step of D updates
it by one step of power iteration (the paper's algorithm 1).
"""

import jax.numpy as jnp
from jax import Array, lax

from gan_jax.types import Params

INITIAL_STEPS = 20  # of power iteration, before training


def init_power_iteration(params: Params) -> Params:
    """Add to D's parameters an estimate of each layer's u, by power iteration from a constant vector."""
    vectors = {name: _unit(jnp.ones_like(layer["bias"])) for name, layer in params["params"].items()}
    start = {**params, "singular": vectors}
    return lax.fori_loop(0, INITIAL_STEPS, lambda _, params: power_iteration_step(params), start)


def normalize(params: Params) -> Params:
    """Divide each kernel by its |W u| and leave out "singular"; biases are unchanged, and u has no gradient."""

    def normalize_layer(name: str, layer: dict[str, Array]) -> dict[str, Array]:
        kernel, vector = layer["kernel"], lax.stop_gradient(params["singular"][name])
        return {**layer, "kernel": kernel / jnp.linalg.norm(_product(kernel, vector))}

    return {"params": {name: normalize_layer(name, layer) for name, layer in params["params"].items()}}


def power_iteration_step(params: Params) -> Params:
    """Replace each layer's u by W^T W u, normalized: one step of power iteration. The weights are unchanged."""

    def step(kernel: Array, vector: Array) -> Array:
        return _unit(_product(kernel.T, _unit(_product(kernel, vector))))

    layers, vectors = params["params"], params["singular"]
    return {**params, "singular": {name: step(layer["kernel"], vectors[name]) for name, layer in layers.items()}}


def _product(matrix: Array, vector: Array) -> Array:
    """Multiply in full float32, whatever the hyperparameters' precision: all of D is divided by the result."""
    return jnp.matmul(matrix, vector, precision=lax.Precision.HIGHEST)


def _unit(vector: Array) -> Array:
    return vector / jnp.linalg.norm(vector)
