"""A network's parameters in a safetensors file: one tensor each, by flax's path, such as `hidden_1.kernel`."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gan_jax.errors import UserError, require
from gan_jax.utils.files import atomic_path, read_limited

Parameters = dict[str, Any]  # {"params": {layer: {"kernel": float32, "bias": float32}}}
Tensors = dict[str, np.ndarray]  # by path
DESCRIPTION = "description"
MAX_BYTES = 2**30  # of a file: the generator 27 times as wide as the homework's, in float16
LISTED = 8  # parameters that an error names


def read(path: Path, most: int, sha256: str | None = None) -> tuple[Tensors, Any]:
    """The tensors of a file as they are stored, and the description that `save_float16` puts there, None without one.

    Raises UserError if the file is missing, damaged, larger than `most` bytes, not the one with this SHA-256, or of
    types that numpy lacks.
    """
    try:
        content = read_limited(path, most, links=True)
        tensors, metadata = decode(content)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the weights in {path}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise UserError(f"{path} is damaged: its SHA-256 is {found}, not {sha256}")
    try:
        return tensors, json.loads(metadata.get(DESCRIPTION, "null"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"cannot read the description in {path}: {error}") from error


def decode(content: bytes) -> tuple[Tensors, dict[str, str]]:
    """The tensors and the metadata of a safetensors file's bytes. Raises ValueError if it is none, or damaged."""
    try:
        tensors = load(content)
    except KeyError as error:  # BF16 and F8 types, by their names
        raise ValueError(f"{error.args[0]} is no type that NumPy has: save them as F16, F32 or F64") from error
    except (SafetensorError, TypeError) as error:
        raise ValueError(str(error)) from error
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return tensors, header.get("__metadata__") or {}


def params_from_tensors(tensors: Tensors, network: nn.Module, inputs: int, path: Path, what: str) -> Parameters:
    """The parameters float32 of a network whose inputs are float32 (batch, inputs).

    `path` and `what` name the file and the network in messages. Raises UserError for tensors of another layout, of a
    type that is not floating, or with values that are not finite in float32.
    """
    expected = _layout(network, inputs)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted({name for name, _ in found.items() ^ expected.items()})
        raise UserError(f"{path} does not hold {what}: see {', '.join(wrong[:LISTED])}")
    parameters = {name: jnp.asarray(_as_float32(tensor, f"{path}: {name}")) for name, tensor in tensors.items()}
    return {"params": unflatten_dict(parameters, sep=".")}


def save_float16(path: Path, parameters: Parameters, description: Mapping[str, Any]) -> None:
    """Write parameters in float16, half the size and rounded by 5e-4 of each, with JSON values that describe them.

    Raises UserError, and writes nothing, if one is larger than float16's 65504, or all of them than `read` takes.
    """
    tensors = {}
    for name, tensor in flatten_dict(parameters["params"], sep=".").items():
        with np.errstate(over="ignore"):
            tensors[name] = np.asarray(tensor).astype(np.float16)
        if not np.isfinite(tensors[name]).all():
            raise UserError(f"{name} holds weights that are too large for float16")
    # As one text: safetensors writes several in an order that differs from process to process.
    content = save(tensors, {DESCRIPTION: json.dumps(description)})
    require(
        len(content) <= MAX_BYTES, f"these weights take {len(content)} bytes: more than {MAX_BYTES} are not read again"
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _as_float32(tensor: np.ndarray, name: str) -> np.ndarray:
    """A tensor in float32. Raises UserError unless it is of floating-point numbers that are finite there."""
    if not np.issubdtype(tensor.dtype, np.floating):
        raise UserError(f"{name} holds weights of type {tensor.dtype}: save them as F16, F32 or F64")
    with np.errstate(over="ignore"):  # a float64 that is too large becomes infinite, and is told below
        values = tensor.astype(np.float32)
    if not np.isfinite(values).all():
        raise UserError(f"{name} holds values that are not finite")
    return values


def _layout(network: nn.Module, inputs: int) -> dict[str, Any]:
    """The shape of every parameter, by its path."""
    parameters = jax.eval_shape(network.init, jax.random.key(0), jax.ShapeDtypeStruct((1, inputs), jnp.float32))
    shapes = jax.tree.map(lambda leaf: leaf.shape, parameters["params"])
    return dict(flatten_dict(shapes, sep="."))
