"""Sharding over devices: the batch or the seeds are sharded over a mesh, and all else is replicated.

The program is written for the whole batch; XLA's partitioner gives each device its rows, and sums the gradients in one
all-reduce per update. A program that is traced outside `jax.set_mesh` is the plain one of a single device.

The training images are replicated: an epoch's order is a permutation of all of them, the same on any number of devices,
and a device gathers its rows of a batch by index without communication. 60 000 images are 47 MB on each device, and
each process reads them from its own disk.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
from jax import Array, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

BATCH, SEEDS = "batch", "seeds"  # a mesh has one of them as its only axis


def make_mesh(devices: int, axis: str) -> Mesh | None:
    """Make a mesh of so many devices, the first ones of each process in equal shares; None for a single device."""
    if devices == 1:
        return None
    share = devices // jax.process_count()
    processes = range(jax.process_count())
    chosen = [device for index in processes for device in jax.local_devices(process_index=index)[:share]]
    return jax.make_mesh((devices,), (axis,), axis_types=(AxisType.Auto,), devices=chosen)


def tracing_for(mesh: Mesh | None) -> contextlib.AbstractContextManager[Any]:
    """Trace programs for the mesh in the block."""
    return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)


def replicate(tree: Any, mesh: Mesh | None) -> Any:
    """Copy a tree of arrays, the same on every process, to each device of the mesh, or to the only device."""
    if mesh is None:
        return jax.device_put(tree, SingleDeviceSharding(jax.devices()[0]))
    replicated = NamedSharding(mesh, PartitionSpec())

    def copy(leaf: Any) -> Array:
        copies = [jax.device_put(leaf, device) for device in mesh.local_devices]
        return jax.make_array_from_single_device_arrays(leaf.shape, replicated, copies)

    return jax.tree.map(copy, tree)


def to_local(tree: Any) -> Any:
    """Return the copies of a replicated tree of arrays on this process's first device."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def shard_batch(array: Array) -> Array:
    """Shard an array's first axis, the batch, over a mesh of `BATCH` if there is one; for use inside jit."""
    return lax.with_sharding_constraint(array, PartitionSpec(BATCH)) if _axis() == BATCH else array


def shard_map_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Map a function over the seeds' shards in a mesh of `SEEDS`; without such a mesh return it unchanged.

    The function takes two trees whose first axis is the seeds and an array that all seeds share; it returns trees whose
    first axis is the seeds. Each device computes its own seeds, without communication. For use inside jit.
    """
    if _axis() != SEEDS:
        return function
    seeds = PartitionSpec(SEEDS)
    return jax.shard_map(function, in_specs=(seeds, seeds, PartitionSpec()), out_specs=seeds, check_vma=False)


def constrain_replicated(tree: Any) -> Any:
    """Constrain a tree of arrays to be replicated on the mesh, if there is one; for use inside jit."""
    return lax.with_sharding_constraint(tree, PartitionSpec()) if _axis() else tree


def _axis() -> str | None:
    """Return the axis of the mesh that the program is traced for, if any."""
    names = jax.sharding.get_abstract_mesh().axis_names
    return names[0] if names else None
