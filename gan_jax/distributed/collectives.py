"""Collectives: messages that all processes of a distributed run exchange at the same point.

Between two collectives, or a collective and an epoch, a process works alone; an error there is reported to the others
in the next collective. In a run of a single process, all of them return at once.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.errors import UserError

MAX_MESSAGE_BYTES = 16_384


def is_main_process() -> bool:
    """Tell whether this is process 0, which alone reads and writes run directories."""
    return jax.process_index() == 0


class PropagatedError(UserError):
    """An error that is raised on every process."""


@contextlib.contextmanager
def propagate_errors() -> Iterator[None]:
    """Propagate a UserError that one process raises in the block, between two collectives, to all processes."""
    try:
        yield
    except PropagatedError:
        raise
    except UserError as error:
        if jax.process_count() == 1:
            raise
        with contextlib.suppress(PropagatedError):
            allgather_json(error=str(error)[: MAX_MESSAGE_BYTES // 8])
        raise PropagatedError(str(error)) from error
    allgather_json()


def allgather_json(**message: Any) -> list[dict[str, Any]]:
    """All-gather a JSON message; returns one dictionary per process, in order. Blocks until all have called it.

    Raises:
        PropagatedError: if one of the messages has an `error`.
    """
    if jax.process_count() == 1:
        return [message]
    text = json.dumps(message)
    buffer = np.zeros(MAX_MESSAGE_BYTES, np.uint8)
    buffer[: len(text)] = np.frombuffer(text.encode("ascii"), np.uint8)
    messages = [json.loads(bytes(row).rstrip(b"\0")) for row in multihost_utils.process_allgather(buffer)]
    errors = [f"process {index}: {sent['error']}" for index, sent in enumerate(messages) if "error" in sent]
    if errors:
        raise PropagatedError("; ".join(errors))
    return messages


def assert_same_on_all(**values: Any) -> None:
    """Raise PropagatedError on every process unless these JSON values are the same on all of them."""
    first, *others = [message["values"] for message in allgather_json(values=values)]
    for index, other in enumerate(others, start=1):
        for name, value in first.items():
            if other[name] != value:
                raise PropagatedError(f"{name} is {other[name]} on process {index}, {value} on process 0")


def broadcast_from_main(tree: Any) -> Any:
    """Broadcast process 0's tree of arrays, of 32 bits per element, to every process.

    They are sent as integers: JAX broadcasts by summing, with zeros from all other processes, and -0.0 + 0.0 is 0.0.
    """
    if jax.process_count() == 1:
        return tree

    def is_key(leaf: Any) -> bool:
        return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)

    def bits(leaf: Any) -> np.ndarray:
        return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf).view(np.uint32)

    def array(leaf: Any, bits: np.ndarray) -> Any:
        if is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(bits), impl=jax.random.key_impl(leaf))
        return jnp.asarray(bits.view(leaf.dtype))

    return jax.tree.map(array, tree, multihost_utils.broadcast_one_to_all(jax.tree.map(bits, tree)))
