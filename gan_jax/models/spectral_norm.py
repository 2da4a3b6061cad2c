"""Spectral normalisation: each layer of D divided by its largest singular value (Miyato et al. 2018, equation 8).

That value is the largest |W u| of unit vectors u. The u that attains it is kept beside D's weights, as "singular"
beside "params", and follows them by one step of power iteration (their algorithm 1) with each of D's, so that D stays a
function of its parameters alone.
"""

import jax.numpy as jnp
from jax import Array, lax

Params = dict  # {"params": {layer: {"kernel": float32 (fan_in, features), ...}}, "singular": {layer: (features,)}}

FIRST_STEPS = 20  # of power iteration, before the first of D's


def init_power_iteration(params: Params) -> Params:
    """Parameters with a vector for each layer, near the one that attains its largest singular value."""
    vectors = {name: _unit(jnp.ones_like(layer["bias"])) for name, layer in params["params"].items()}
    start = {**params, "singular": vectors}
    return lax.fori_loop(0, FIRST_STEPS, lambda _, params: power_iteration_step(params), start)


def normalize(params: Params) -> Params:
    """{"params": ...} with each kernel divided by its |W u|; biases are left. No gradient goes to u."""

    def layer(name: str, of_layer: dict[str, Array]) -> dict[str, Array]:
        kernel, vector = of_layer["kernel"], lax.stop_gradient(params["singular"][name])
        return {**of_layer, "kernel": kernel / jnp.linalg.norm(_product(kernel, vector))}

    return {"params": {name: layer(name, of_layer) for name, of_layer in params["params"].items()}}


def power_iteration_step(params: Params) -> Params:
    """The same parameters, each vector one step of power iteration on: W^T W u, at length 1."""

    def step(kernel: Array, vector: Array) -> Array:
        return _unit(_product(kernel.T, _unit(_product(kernel, vector))))

    layers, vectors = params["params"], params["singular"]
    return {**params, "singular": {name: step(layer["kernel"], vectors[name]) for name, layer in layers.items()}}


def _product(matrix: Array, vector: Array) -> Array:
    """In full float32, whatever the setting multiplies in: a layer's size is what all of D is divided by."""
    return jnp.matmul(matrix, vector, precision=lax.Precision.HIGHEST)


def _unit(vector: Array) -> Array:
    return vector / jnp.linalg.norm(vector)
