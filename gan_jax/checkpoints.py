"""Saving and loading a run's state: a step folder an epoch, written by orbax, the newest two kept.

Each carries the digest of its state, so that a file that was damaged on the disk is noticed when it is read.
"""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding
from orbax.checkpoint import v1 as ocp

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


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """A block in which orbax takes this host for the only one.

    It saves and loads with all hosts on a shared disk, or not at all; here host 0 alone has the folder.
    """
    with mock.patch.object(jax, "process_count", return_value=1):
        yield


def _checkpointer(folder: Path) -> ocp.training.Checkpointer:
    return ocp.training.Checkpointer(
        str(folder.absolute()),
        preservation_policy=cast(Any, ocp.training.preservation_policies.LatestN(KEPT)),  # orbax mistypes its own
        cleanup_tmp_directories=True,
    )


def save(folder: Path, state: GanState) -> None:
    """Save under the state's epoch, wholly or not at all; an earlier checkpoint of that epoch is replaced."""
    with _alone(), _checkpointer(folder) as checkpointer:
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
    """
    if not folder.is_dir():
        return None, []
    sharding = SingleDeviceSharding(jax.devices()[0])
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), like)
    warnings = []
    with _alone(), _checkpointer(folder) as checkpointer:
        for step in sorted((metadata.step for metadata in checkpointer.checkpoints), reverse=True):
            if no_later_than is not None and step > no_later_than:
                continue
            try:
                state = checkpointer.load(step, shapes)
                metadata = checkpointer.metadata(step).custom_metadata
                if tree_sha256(state) == (metadata or {}).get("sha256"):
                    return state, warnings
                problem = "its digest does not match"
            except Exception as error:  # orbax and tensorstore raise many kinds for a damaged file
                problem = " ".join(str(error).split())[:200]
            warnings.append(f"checkpoint {folder / str(step)} is damaged and was passed over: {problem}")
    return None, warnings
