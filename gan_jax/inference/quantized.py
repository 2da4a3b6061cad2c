"""Files of the shipped networks: kernels in 8 bits, compressed, a quarter of float32's size."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict
from safetensors.numpy import save as serialize

from gan_jax.errors import UserError, require
from gan_jax.types import Params
from gan_jax.utils.files import read_limited
from gan_jax.utils.safetensors_io import DESCRIPTION, Tensors, decode

MAX_BYTES = 1_500_000  # of a compressed file
LEVELS = 127  # positive values of an int8
SCALE = ".scale"


def encode_quantized(params: Params, description: Mapping[str, Any]) -> bytes:
    """Encode a network's parameters, and their description in JSON values, as the content of a file.

    Raises UserError for parameters that are not finite, or too many for a file.
    """
    content = compress(quantize(params), description)
    require(len(content) <= MAX_BYTES, f"these weights take {len(content)} bytes, more than {MAX_BYTES}")
    return content


def quantize(params: Params, levels: int = LEVELS) -> Tensors:
    """Round each column of a kernel, float32 (fan_in, features), to int8 times a scale of its own.

    The scale is the column's largest magnitude over `levels`, at most 127: the error is at most half of it, 0.4 % of
    that magnitude with 127 levels. Biases are kept in float32. Raises UserError for parameters that are not finite.
    """
    tensors = {}
    for name, tensor in flatten_dict(params["params"], sep=".").items():
        values = np.asarray(tensor)
        require(bool(np.isfinite(values).all()), f"{name} has values that are not finite")
        if values.ndim == 2:
            scale = np.maximum(np.abs(values).max(axis=0), np.finfo(np.float32).tiny) / levels
            tensors[name + SCALE] = scale.astype(np.float32)
            values = np.rint(values / tensors[name + SCALE]).astype(np.int8)
        tensors[name] = values
    return tensors


def compress(tensors: Tensors, description: Mapping[str, Any]) -> bytes:
    """Serialize tensors with a description, compressed; without gzip's time, equal tensors give equal files."""
    return gzip.compress(serialize(tensors, {DESCRIPTION: json.dumps(description)}), mtime=0)


def read_quantized(path: Path, sha256: str) -> tuple[Tensors, Any]:
    """Read the tensors in float32, and the description. Raises UserError unless the file has this SHA-256."""
    try:
        content = read_limited(path, MAX_BYTES)
    except OSError as error:
        raise UserError(f"cannot read the weights in {path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(f"{path} is damaged: its SHA-256 is {found}, not {sha256}")
    return decompress(content)


def decompress(content: bytes) -> tuple[Tensors, Any]:
    """Return the tensors in float32 and the description that `compress` took."""
    tensors, metadata = decode(gzip.decompress(content))
    values = {
        name: tensor * tensors[name + SCALE] if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }
    return values, json.loads(metadata[DESCRIPTION])
