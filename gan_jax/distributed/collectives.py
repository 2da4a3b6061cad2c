"""Collectives: messages between the processes of one training, in which all of them take part.

Between two exchanges, or an exchange and an epoch, a host does what it has to do alone; what went wrong there it tells
in the next one. With a single host all of this is nothing.
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

MAX_MESSAGE_BYTES = 16_384  # bytes of a message


def is_main_process() -> bool:
    """Tell whether this is process 0, which alone reads and writes run directories."""
    return jax.process_index() == 0


class PropagatedError(UserError):
    """An error that every host knows of."""


@contextlib.contextmanager
def propagate_errors() -> Iterator[None]:
    """A block that all hosts end alike: a UserError of one, raised between two exchanges, is raised on all of them."""
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
    """All-gather a JSON message; returns one dictionary a process, in order. Blocks until all have called it.

    Raises:
        PropagatedError: if one of them tells an `error`.
    """
    if jax.process_count() == 1:
        return [message]
    text = json.dumps(message)
    letter = np.zeros(MAX_MESSAGE_BYTES, np.uint8)
    letter[: len(text)] = np.frombuffer(text.encode("ascii"), np.uint8)
    messages = [json.loads(bytes(row).rstrip(b"\0")) for row in multihost_utils.process_allgather(letter)]
    errors = [f"host {index}: {told['error']}" for index, told in enumerate(messages) if "error" in told]
    if errors:
        raise PropagatedError("; ".join(errors))
    return messages


def assert_same_on_all(**values: Any) -> None:
    """Raise PropagatedError on every host unless these JSON values are the same on all of them."""
    told = allgather_json(values=values)
    for index, other in enumerate(told):
        for name, value in told[0]["values"].items():
            if other["values"][name] != value:
                raise PropagatedError(f"{name} is {other['values'][name]} on host {index}, {value} on host 0")


def broadcast_from_main(tree: Any) -> Any:
    """Host 0's tree of arrays, of 32 bits an element, on every host.

    As bits: the hosts' values are summed on the way, all but one of them zeros, and the sum of -0.0 and 0.0 is 0.0.
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
