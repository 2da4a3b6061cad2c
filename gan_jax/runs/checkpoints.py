"""Checkpoints: a run's state in one safetensors file per epoch, of which the newest two are kept.

Each file is written whole or not at all, and its header carries a digest of its tensors, so that damage on the disk is
detected. A tensor's name is its path in the state, such as `generator.params.hidden_1.kernel`.
"""

import contextlib
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save as serialize

from gan_jax.errors import UserError
from gan_jax.training.state import GanState
from gan_jax.utils import safetensors_io
from gan_jax.utils.files import read_limited, write_bytes
from gan_jax.utils.hashing import to_numpy, tree_sha256
from gan_jax.utils.interface import option
from gan_jax.utils.text import printable

MAX_TO_KEEP = 2
MAX_HEADER_BYTES = 2**20  # the names and shapes of some dozens of tensors take a few thousand
DIGEST = "sha256"


def save(folder: Path, state: GanState) -> None:
    """Save a state as the checkpoint of its epoch, replacing an earlier one of that epoch.

    Raises:
        UserError: if it cannot be written, as on a full disk; earlier checkpoints stay as they are.
    """
    path = _path(folder, int(state.epoch))
    tensors = _tensors(state)
    try:
        write_bytes(path, serialize(tensors, {DIGEST: tree_sha256(tensors)}))
    except OSError as error:
        raise UserError(f"cannot write the checkpoint {path}: {error.strerror or error}") from error
    others = [epoch for epoch in saved_epochs(folder) if epoch != int(state.epoch)]
    for old in others[: 1 - MAX_TO_KEEP]:
        with contextlib.suppress(OSError):  # one too many does no harm
            _path(folder, old).unlink()


def load_newest(folder: Path, like: GanState, no_later_than: int | None = None) -> tuple[GanState | None, list[str]]:
    """Load the newest checkpoint that is whole, without changing anything.

    Args:
        folder: where `save` put them; it need not exist.
        like: a state, or its shapes and dtypes, of the same configuration.
        no_later_than: the last epoch to consider, if not all.

    Returns:
        The state, or None if there is no valid checkpoint; and a warning for each newer one that is damaged.

    Raises:
        UserError: if the path is not a readable directory, or holds checkpoints of an earlier version alone.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise UserError(f"{folder} is not a directory of checkpoints: move or delete it")
    warnings = []
    try:
        epochs = saved_epochs(folder)
        names = os.listdir(folder) if folder.is_dir() else []
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}") from error
    if not epochs and any(re.fullmatch("[1-9][0-9]*", name) for name in names):
        raise UserError(
            f"{folder} holds checkpoints of an earlier version, which this one cannot read: "
            f"rerun with {option('overwrite')}, which deletes the run and retrains from scratch"
        )
    for epoch in reversed(epochs):
        if no_later_than is not None and epoch > no_later_than:
            continue
        path = _path(folder, epoch)
        try:
            return _load(path, epoch, like), warnings
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or " ".join(printable(str(error)).split())[:200]
            warnings.append(f"checkpoint {path} is corrupt and was skipped: {reason}")
    return None, warnings


def delete_after(folder: Path, epoch: int) -> None:
    """Delete the checkpoints of later epochs, which a run that resumes after `epoch` writes again."""
    for later in saved_epochs(folder):
        if later > epoch:
            _path(folder, later).unlink()


def params_sha256(state: GanState) -> str:
    """Digest both networks' parameters, and G's average if there is one: two runs are compared by it."""
    networks = {"generator": state.generator, "discriminator": state.discriminator}
    return tree_sha256(networks if state.average is None else networks | {"average": state.average})


def _load(path: Path, epoch: int, like: GanState) -> GanState:
    """Load a state. Raises OSError or ValueError unless it is whole, and of this epoch and configuration."""
    leaves, structure = jax.tree.flatten(like)
    names = _names(like)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
    tensors, metadata = safetensors_io.decode(read_limited(path, size + MAX_HEADER_BYTES))
    if metadata.get(DIGEST) != tree_sha256(tensors):
        raise ValueError("checksum mismatch: its values are not those that were written")
    if wrong := sorted(tensors.keys() ^ set(names)):
        raise ValueError(f"it holds another configuration's state: first mismatch: {wrong[0]}")
    found = jax.tree.unflatten(structure, map(_restore_leaf, names, (tensors[name] for name in names), leaves))
    if int(found.epoch) != epoch:
        raise ValueError(f"it holds epoch {int(found.epoch)}")
    return found


def _restore_leaf(name: str, tensor: np.ndarray, like: jax.Array) -> jax.Array:
    """Convert a tensor to a leaf of the state. Raises ValueError unless it has the shape and dtype of `like`."""
    is_key = jnp.issubdtype(like.dtype, jax.dtypes.prng_key)
    expected = jax.eval_shape(jax.random.key_data, like) if is_key else like
    if (tensor.shape, tensor.dtype) != (expected.shape, expected.dtype):
        raise ValueError(f"{name} is {tensor.dtype} {tensor.shape}, not {expected.dtype} {expected.shape}")
    array = jnp.array(tensor)
    return jax.random.wrap_key_data(array) if is_key else array


def _tensors(state: GanState) -> dict[str, np.ndarray]:
    """Return the arrays of a state by name; options that are off have none."""
    return dict(zip(_names(state), map(to_numpy, jax.tree.leaves(state)), strict=True))


def _names(state: GanState) -> list[str]:
    paths = (path for path, _ in jax.tree_util.tree_leaves_with_path(state))
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]


def _path(folder: Path, epoch: int) -> Path:
    return folder / f"epoch_{epoch:03d}.safetensors"


def saved_epochs(folder: Path) -> list[int]:
    """List the epochs that have a checkpoint, in order."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    pattern = r"epoch_([0-9]{3}|[1-9][0-9]{3,8})\.safetensors"
    return sorted(int(match[1]) for name in names if (match := re.fullmatch(pattern, name)))
