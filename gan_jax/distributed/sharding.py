"""Many devices, one program: a batch or seeds are spread over a mesh's devices and all else is on each of them.

The program is written for the whole batch; XLA's partitioner gives each device its rows, and adds up the gradients of
all in one all-reduce an update. A program that is traced outside `jax.set_mesh` is the plain one of a single device.

The training images are not spread: an epoch's order is a permutation of all of them, the same on any number of devices,
and a device takes its rows of a batch by their index without an exchange. 60 000 images are 47 MB on each device, and
each host reads them from its own disk.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
from jax import Array, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

BATCH, SEEDS = "batch", "seeds"  # a mesh has one of them as its only axis


def make_mesh(devices: int, axis: str) -> Mesh | None:
    """A mesh of so many devices, the first ones of each host in equal shares; none of a single one."""
    if devices == 1:
        return None
    share = devices // jax.process_count()
    of_hosts = [jax.local_devices(process_index=index)[:share] for index in range(jax.process_count())]
    chosen = [device for of_host in of_hosts for device in of_host]
    return jax.make_mesh((devices,), (axis,), axis_types=(AxisType.Auto,), devices=chosen)


def mesh_for(devices: int, runs: int) -> Mesh | None:
    """A mesh for runs that are trained together: over their seeds, or of a single run over its batch."""
    return make_mesh(devices, BATCH if runs == 1 else SEEDS)


def tracing_for(mesh: Mesh | None) -> contextlib.AbstractContextManager[Any]:
    """A block in which programs are made for the mesh."""
    return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)


def replicate(tree: Any, mesh: Mesh | None) -> Any:
    """A tree of arrays put whole on each device of the mesh, or on the only device; the same on every host."""
    if mesh is None:
        return jax.device_put(tree, SingleDeviceSharding(jax.devices()[0]))
    everywhere = NamedSharding(mesh, PartitionSpec())

    def placed(leaf: Any) -> Array:
        copies = [jax.device_put(leaf, device) for device in mesh.local_devices]
        return jax.make_array_from_single_device_arrays(leaf.shape, everywhere, copies)

    return jax.tree.map(placed, tree)


def to_local(tree: Any) -> Any:
    """Return the copies of a replicated tree of arrays on this process's first device."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def shard_batch(array: Array) -> Array:
    """Within a program: an array whose first axis is the batch, spread over a mesh of `BATCH` if there is one."""
    return lax.with_sharding_constraint(array, PartitionSpec(BATCH)) if _axis() == BATCH else array


def shard_map_seeds(function: Callable[..., Any]) -> Callable[..., Any]:
    """Within a program: a function of two trees whose first axis is the seeds, and of an array that all seeds share.

    Each device of a mesh of `SEEDS` computes it for its own seeds, without any exchange; without such a mesh it is as
    given. What it returns has the seeds as the first axis, too.
    """
    if _axis() != SEEDS:
        return function
    seeds = PartitionSpec(SEEDS)
    return jax.shard_map(function, in_specs=(seeds, seeds, PartitionSpec()), out_specs=seeds, check_vma=False)


def constrain_replicated(tree: Any) -> Any:
    """Within a program: a tree of arrays that are whole on each device of the mesh, if there is one."""
    return lax.with_sharding_constraint(tree, PartitionSpec()) if _axis() else tree


def _axis() -> str | None:
    """The axis of the mesh that the program is traced for."""
    names = jax.sharding.get_abstract_mesh().axis_names
    return names[0] if names else None
