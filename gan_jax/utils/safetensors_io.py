"""Parameters of a network in a safetensors file: one tensor each, named by flax's path, such as `hidden_1.kernel`."""

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
from gan_jax.types import Params
from gan_jax.utils.files import read_limited, write_bytes

Tensors = dict[str, np.ndarray]  # by their path
DESCRIPTION = "description"
MAX_BYTES = 2**30  # enough for a generator 27 times as wide as the homework's, in float16
MAX_LISTED = 8  # maximum number of parameters in an error message


def read(path: Path, max_bytes: int, sha256: str | None = None) -> tuple[Tensors, Any]:
    """Read a file's tensors, and its description by `save_float16`, which is None if there is none.

    Raises:
        UserError: if the file is missing, damaged, or larger than `max_bytes`, or has another SHA-256, or types that
            NumPy does not have.
    """
    try:
        content = read_limited(path, max_bytes, links=True)
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
    """Decode the bytes of a safetensors file to tensors and metadata.

    Raises:
        ValueError: if they are damaged, or have types that NumPy does not have.
    """
    try:
        tensors = load(content)
    except KeyError as error:  # BF16 and F8 types, by their names
        raise ValueError(f"NumPy has no type {error.args[0]}: save the tensors as F16, F32 or F64") from error
    except (SafetensorError, TypeError) as error:
        raise ValueError(str(error)) from error
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return tensors, header.get("__metadata__") or {}


def params_from_tensors(tensors: Tensors, network: nn.Module, inputs: int, path: Path, what: str) -> Params:
    """Convert tensors to the float32 parameters of a network whose inputs are float32 (batch, inputs).

    Args:
        tensors: by path.
        network: the network.
        inputs: size of its inputs.
        path: the file, for error messages.
        what: name of the network, for error messages.

    Raises:
        UserError: for tensors with another layout, of integers, or with values that are not finite in float32.
    """
    expected = _layout(network, inputs)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted({name for name, _ in found.items() ^ expected.items()})
        mismatched = ", ".join(wrong[:MAX_LISTED])
        raise UserError(f"{path} does not match the layout of {what}; mismatched tensors: {mismatched}")
    parameters = {name: jnp.asarray(_as_float32(tensor, f"{path}: {name}")) for name, tensor in tensors.items()}
    return {"params": unflatten_dict(parameters, sep=".")}


def save_float16(path: Path, parameters: Params, description: Mapping[str, Any]) -> None:
    """Write parameters in float16, which halves the size at a relative error of 5e-4, and a description in JSON.

    Raises:
        UserError: if a parameter exceeds float16's maximum of 65504, or the file MAX_BYTES. Nothing is written then.
    """
    tensors = {}
    for name, tensor in flatten_dict(parameters["params"], sep=".").items():
        with np.errstate(over="ignore"):
            tensors[name] = np.asarray(tensor).astype(np.float16)
        if not np.isfinite(tensors[name]).all():
            raise UserError(f"{name} holds weights that are too large for float16")
    # A single entry: the order in which safetensors writes several ones differs between processes.
    content = save(tensors, {DESCRIPTION: json.dumps(description)})
    require(len(content) <= MAX_BYTES, f"the weights take {len(content)} bytes, more than the maximum of {MAX_BYTES}")
    write_bytes(path, content)


def _as_float32(tensor: np.ndarray, name: str) -> np.ndarray:
    """Convert a floating-point tensor to float32, or raise UserError for other types and values that are not finite."""
    if not np.issubdtype(tensor.dtype, np.floating):
        raise UserError(f"{name} holds weights of type {tensor.dtype}: save them as F16, F32 or F64")
    with np.errstate(over="ignore"):  # a float64 that is too large becomes infinite and is refused below
        values = tensor.astype(np.float32)
    if not np.isfinite(values).all():
        raise UserError(f"{name} holds values that are not finite")
    return values


def _layout(network: nn.Module, inputs: int) -> dict[str, Any]:
    """Return the shape of every parameter, by its path."""
    parameters = jax.eval_shape(network.init, jax.random.key(0), jax.ShapeDtypeStruct((1, inputs), jnp.float32))
    shapes = jax.tree.map(lambda leaf: leaf.shape, parameters["params"])
    return dict(flatten_dict(shapes, sep="."))
