"""Saving and loading a run's state: a step folder an epoch, written by orbax, the newest two kept.

Each carries the digest of its state, so that a file that was damaged on the disk is noticed when it is read.
"""

import contextlib
import gc
import hashlib
import logging
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint import v1 as ocp

from gan_jax.errors import UserError
from gan_jax.training import GanState

KEPT = 2

# orbax reports its routine at levels that would reach a user's terminal.
logging.getLogger("absl").setLevel(logging.ERROR)


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
    """The digest that two runs are compared by: of both networks' parameters."""
    return tree_sha256({"generator": state.generator, "discriminator": state.discriminator})


def _checkpointer(folder: Path) -> ocp.training.Checkpointer:
    return ocp.training.Checkpointer(
        str(folder.absolute()),
        preservation_policy=cast(Any, ocp.training.preservation_policies.LatestN(KEPT)),  # orbax mistypes its own
        cleanup_tmp_directories=True,
    )


def save(folder: Path, state: GanState) -> None:
    """Save under the state's epoch, wholly or not at all; an earlier checkpoint of that epoch is replaced."""
    with _checkpointer(folder) as checkpointer:
        checkpointer.save(
            int(state.epoch), state, force=True, overwrite=True, custom_metadata={"sha256": tree_sha256(state)}
        )


def load_newest(folder: Path, like: GanState, no_later_than: int | None = None) -> tuple[GanState | None, list[str]]:
    """The newest checkpoint that is whole.

    Args:
        folder: where `save` put them; it need not exist.
        like: a state, or its shapes and dtypes, of the same configuration.
        no_later_than: an epoch; later checkpoints are left aside.

    Returns:
        The state, or None if there is no valid checkpoint; and a warning for each newer one that is damaged.

    Raises:
        UserError: if something else than a folder is there.
    """
    if not os.path.lexists(folder):
        return None, []
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder of checkpoints: move it away")
    sharding = SingleDeviceSharding(jax.devices()[0])
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), like)
    warnings = []
    # Listed and loaded without a checkpointer, which would tidy a folder that is only to be read.
    steps = [int(path.name) for path in folder.iterdir() if re.fullmatch("[1-9][0-9]{0,8}", path.name)]
    for step in sorted(steps, reverse=True):
        if no_later_than is not None and step > no_later_than:
            continue
        with _abandoned_reads_untold():
            try:
                return _load(folder / str(step), shapes), warnings
            except Exception as error:  # orbax and tensorstore raise many kinds for a damaged file
                problem = " ".join(str(error).split())[:200]
        warnings.append(f"checkpoint {folder / str(step)} is damaged and was passed over: {problem}")
    return None, warnings


@contextlib.contextmanager
def _abandoned_reads_untold() -> Iterator[None]:
    """Where one read fails, orbax abandons the others: asyncio and Python would print a traceback for each of them."""
    hook, logger = sys.unraisablehook, logging.getLogger("asyncio")
    level = logger.level
    try:
        sys.unraisablehook = lambda _: None
        logger.setLevel(logging.CRITICAL)
        yield
    finally:
        gc.collect()
        sys.unraisablehook = hook
        logger.setLevel(level)


def _load(path: Path, shapes: GanState) -> GanState:
    """The state in a step's folder. Raises ValueError, and whatever orbax raises, if it is not what was saved there."""
    for entry in path.rglob("*"):
        kind = entry.lstat().st_mode
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):  # a link may lead anywhere, and a pipe to no end
            raise ValueError(f"{entry.name} is neither a file nor a folder")
    metadata: Any = ocp.metadata(str(path.absolute())).custom_metadata
    state = ocp.load(str(path.absolute()), shapes, checkpointable_name="state")
    if tree_sha256(state) != (metadata or {}).get("sha256"):
        raise ValueError("its digest does not match")
    if int(state.epoch) != int(path.name):
        raise ValueError(f"it is of epoch {int(state.epoch)}")
    return state
