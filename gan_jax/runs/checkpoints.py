"""Saving and loading a run's state: a step folder an epoch, written by orbax, the newest two kept.

Each carries the digest of its state and those of its files, so that what was damaged on the disk is noticed and named
before it is read.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from gan_jax.errors import UserError
from gan_jax.training.state import GanState
from gan_jax.utils.files import open_file, read_limited, write_json
from gan_jax.utils.text import printable

if TYPE_CHECKING:  # half a second to import, and the shipped generator needs none of it
    from orbax.checkpoint import v1 as ocp

KEPT = 2
NAME = "state"  # of the only thing in a checkpoint
DIGESTS = "sha256.json"  # beside orbax's files, of each by its path; written last
MAX_DIGESTS_BYTES = 2**20  # of some dozens of files

# orbax reports its routine at levels that reach a user's terminal, and errors there besides raising them.
logging.getLogger("absl").setLevel(logging.CRITICAL)
# It abandons its other reads where one fails, and asyncio would print a traceback for each of them.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def tree_sha256(tree: Any) -> str:
    """A digest of every leaf's path, dtype, shape and bits."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        values = jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        array = np.asarray(values)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def params_sha256(state: GanState) -> str:
    """The digest that two runs are compared by: of both networks' parameters, and of G's average if there is one."""
    networks = {"generator": state.generator, "discriminator": state.discriminator}
    return tree_sha256(networks if state.average is None else networks | {"average": state.average})


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """A block in which orbax takes this host for the only one, as host 0 alone has the folder.

    Left to itself it saves and loads with all hosts on a shared disk; with `active_processes` it still broadcasts.
    """
    with mock.patch.object(jax, "process_count", return_value=1):
        yield


def _pass_over_abandoned_reads() -> None:
    """Let nothing be printed of what orbax's other reads raise, where one failed, when they end or are collected."""

    def tell(unraisable: Any) -> None:
        code = getattr(unraisable.object, "cr_code", None)  # a coroutine's
        collected = code is not None and "orbax" in Path(code.co_filename).parts
        ended = unraisable.object is None and str(unraisable.exc_value) == "Event loop is closed"
        if not (collected or ended):
            told(unraisable)

    told = sys.unraisablehook
    if getattr(told, "__qualname__", "") != tell.__qualname__:  # once, and for good: it may be long afterwards
        sys.unraisablehook = tell


def _checkpointer(folder: Path) -> "ocp.training.Checkpointer":
    from orbax.checkpoint import v1 as ocp

    return ocp.training.Checkpointer(
        str(folder.absolute()),
        preservation_policy=cast(Any, ocp.training.preservation_policies.LatestN(KEPT)),  # orbax mistypes its own
        cleanup_tmp_directories=True,
    )


def save(folder: Path, state: GanState) -> None:
    """Save under the state's epoch, wholly or not at all; an earlier checkpoint of that epoch is replaced.

    Raises:
        UserError: if it cannot be written, as on a full disk; earlier checkpoints are as they were.
    """
    epoch = int(state.epoch)
    try:
        metadata = {"sha256": tree_sha256(state)}
        with _alone(), _checkpointer(folder) as checkpointer:
            checkpointer.save(
                epoch, _tree(state), checkpointable_name=NAME, force=True, overwrite=True, custom_metadata=metadata
            )
        path = folder / str(epoch)
        write_json(path / DIGESTS, {name: _file_sha256(path / name) for name in _files(path)})
    except Exception as error:  # orbax and tensorstore raise many kinds for whatever the system refuses
        raise UserError(f"cannot write the checkpoint {folder / str(epoch)}: {_reason(error)}") from error


def load_newest(folder: Path, like: GanState, no_later_than: int | None = None) -> tuple[GanState | None, list[str]]:
    """The newest checkpoint that is whole; nothing is changed.

    Args:
        folder: where `save` put them; it need not exist.
        like: a state, or its shapes and dtypes, of the same configuration.
        no_later_than: an epoch; later checkpoints are left aside.

    Returns:
        The state, or None if there is no valid checkpoint; and a warning for each newer one that is damaged.

    Raises:
        UserError: if something else than a folder is there.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise UserError(f"{folder} is no folder of checkpoints: move it away")
    from orbax.checkpoint import v1 as ocp

    sharding = SingleDeviceSharding(jax.devices()[0])
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), like)
    warnings = []
    for epoch in reversed(_epochs(folder)):
        if no_later_than is not None and epoch > no_later_than:
            continue
        path = (folder / str(epoch)).absolute()
        # The files first: orbax leaves its other reads unattended when one fails, and they fill the terminal.
        problem = _damage(path)
        if problem is None:
            _pass_over_abandoned_reads()
            try:
                with _alone():
                    state = GanState(**cast(dict, ocp.load(str(path), _tree(shapes), checkpointable_name=NAME)))
                    metadata = ocp.metadata(str(path), NAME).custom_metadata
                if metadata == {"sha256": tree_sha256(state)} and int(state.epoch) == epoch:
                    return state, warnings
                problem = "its digest, or its epoch, is not this one's"
            except Exception as error:  # of many kinds, too
                problem = _reason(error)
        warnings.append(f"checkpoint {folder / str(epoch)} is damaged and was passed over: {problem}")
    return None, warnings


def _tree(state: GanState) -> dict[str, Any]:
    """List the fields of a state that have a value: a checkpoint knows nothing of options that are off."""
    return {name: value for name, value in state._asdict().items() if value is not None}


def discard_later(folder: Path, epoch: int) -> None:
    """Remove the checkpoints of later epochs, which a run that goes on from `epoch` writes anew."""
    for later in _epochs(folder):
        if later > epoch:
            shutil.rmtree(folder / str(later))


def _epochs(folder: Path) -> list[int]:
    """List the epochs that have a checkpoint, in order; one that is being written has another name."""
    names = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch("[1-9][0-9]{0,8}", name))


def _files(path: Path) -> list[str]:
    """A checkpoint's files by their paths in it."""
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def _file_sha256(path: Path) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damage(path: Path) -> str | None:
    """Describe the first corruption found; None if there is none, or a kill came before the digests were written."""
    for entry in (path, *path.rglob("*")):
        kind = entry.lstat().st_mode
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):  # a link may lead anywhere, and a pipe to no end
            return f"{entry.name} is neither a file nor a folder"
    try:
        digests = json.loads(read_limited(path / DIGESTS, MAX_DIGESTS_BYTES))
        if not isinstance(digests, dict):
            return f"{DIGESTS} holds no names of files"
        there = set(_files(path)) - {DIGESTS}
        for name in sorted(there ^ digests.keys()):
            return f"{printable(name[:100])} is {'not one of what was written' if name in there else 'missing'}"
        for name, digest in digests.items():
            if _file_sha256(path / name) != digest:
                return f"{name} is not what was written"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        return f"its files cannot be compared with {DIGESTS}: {_reason(error)}"
    return None


def _reason(error: Exception) -> str:
    """An error of orbax, tensorstore or the system in one short line."""
    number = re.search(r"os_error_code='(\d+)'", str(error))
    if number is not None:
        return os.strerror(int(number[1]))
    return " ".join(str(error).split())[:200] or type(error).__name__
