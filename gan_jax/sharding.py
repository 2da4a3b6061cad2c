"""Many devices, one program: a batch or seeds are spread over a mesh's devices and all else is on each of them.

The program is written for the whole batch; XLA's partitioner gives each device its rows, and adds up the gradients of
all in one all-reduce an update. A program that is traced outside `jax.set_mesh` is the plain one of a single device.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
from jax import Array, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

BATCH, SEEDS = "batch", "seeds"  # a mesh has one of them as its only axis


def mesh_of(devices: int, axis: str) -> Mesh | None:
    """A mesh of the first so many devices; none of a single one."""
    if devices == 1:
        return None
    return jax.make_mesh((devices,), (axis,), axis_types=(AxisType.Auto,), devices=jax.devices()[:devices])


def tracing_for(mesh: Mesh | None) -> contextlib.AbstractContextManager[Any]:
    """A block in which programs are made for the mesh."""
    return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)


def place(tree: Any, mesh: Mesh | None) -> Any:
    """A tree of arrays put whole on each device of the mesh, or on the only device."""
    placing = SingleDeviceSharding(jax.devices()[0]) if mesh is None else NamedSharding(mesh, PartitionSpec())
    return jax.device_put(tree, placing)


def local(tree: Any) -> Any:
    """The copies of a tree of arrays that `place` has put, or `whole` has left, on this process's first device."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def over_batch(array: Array) -> Array:
    """Within a program: an array whose first axis is the batch, spread over a mesh of `BATCH` if there is one."""
    return lax.with_sharding_constraint(array, PartitionSpec(BATCH)) if _axis() == BATCH else array


def over_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Within a program: a function of two trees whose first axis is the seeds, and of an array that all seeds share.

    Each device of a mesh of `SEEDS` computes it for its own seeds, without any exchange; without such a mesh it is as
    given. What it returns has the seeds as the first axis, too.
    """
    if _axis() != SEEDS:
        return function
    seeds = PartitionSpec(SEEDS)
    return jax.shard_map(function, in_specs=(seeds, seeds, PartitionSpec()), out_specs=seeds, check_vma=False)


def whole(tree: Any) -> Any:
    """Within a program: a tree of arrays that are whole on each device of the mesh, if there is one."""
    return lax.with_sharding_constraint(tree, PartitionSpec()) if _axis() else tree


def _axis() -> str | None:
    """The axis of the mesh that the program is traced for."""
    names = jax.sharding.get_abstract_mesh().axis_names
    return names[0] if names else None
