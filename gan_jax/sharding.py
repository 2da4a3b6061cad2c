"""Many devices, one program: the batch is spread over a mesh's devices and everything else is on each of them.

The program is written for the whole batch; XLA's partitioner gives each device its rows, and adds up the gradients of
all in one all-reduce an update. A program that is traced outside `jax.set_mesh` is the plain one of a single device.
"""

import jax
from jax import Array, lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

BATCH = "batch"  # the mesh's only axis


def batch_mesh(devices: int) -> Mesh:
    """A mesh of the first so many devices, of all processes."""
    return jax.make_mesh((devices,), (BATCH,), axis_types=(AxisType.Auto,), devices=jax.devices()[:devices])


def on_each(mesh: Mesh) -> NamedSharding:
    """The whole array on each device."""
    return NamedSharding(mesh, PartitionSpec())


def over_batch(array: Array) -> Array:
    """An array of the program, its first axis spread over the devices of the mesh that it is traced for, if any."""
    if jax.sharding.get_abstract_mesh().empty:
        return array
    return lax.with_sharding_constraint(array, PartitionSpec(BATCH))
