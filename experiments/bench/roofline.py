"""Roofline of an iteration on machines that are not at hand: a prediction by arithmetic, not a measurement.

The predicted time is the longest of three that may overlap (the operations of the matrix products, the memory traffic,
the kernel launches), plus the all-reduces of the gradients, which overlap with nothing.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from experiments.bench.cases import REFERENCE_BATCH
from experiments.harness import tables
from gan_jax.models.flops import flops
from gan_jax.models.mlp import DISCRIMINATOR_SIZES, GENERATOR_SIZES, IMAGE_SIZE, LATENT_SIZE
from gan_jax.types import Precision

NETWORKS = ((LATENT_SIZE, *GENERATOR_SIZES, IMAGE_SIZE), (IMAGE_SIZE, *DISCRIMINATOR_SIZES, 1))  # sizes of G and D
Layers = list[tuple[int, int]]  # inputs and outputs of each layer
FLOAT = 4  # bytes; parameters, gradients, Adam's moments and all-reduces are float32
# Adam reads a parameter, its gradient and its two moments, and writes all but the gradient.
ADAM = 7 * FLOAT
# Each product comes with about two more kernels: bias, activation and dropout or their gradients; a sum over the batch
# or Adam. XLA decides on the number; any between 1 and 3 leads to the same conclusions.
KERNELS_PER_PRODUCT = 3


@dataclass(frozen=True)
class Machine:
    """Devices and their interconnect, as specified by the maker, except for the two latencies, which are assumed."""

    name: str
    devices: int
    flops: dict[Precision, float]  # dense operations per second
    memory: float  # bytes per second
    link: float  # bytes per second in each direction, over all links of a device
    launch: float  # seconds between the starts of two short kernels
    latency: float  # seconds of an empty all-reduce

    def of(self, devices: int) -> "Machine":
        return replace(self, devices=devices)


# float32 is full float32 (gan_jax/models/matmul.py): on an H100 the 67 TFLOP/s of its CUDA cores, not the 495 of
# TensorFloat-32 on tensor cores; on a TPU six passes in bfloat16.
H100 = Machine(
    "H100 SXM", 1, {"float32": 67e12, "tensorfloat32": 495e12, "bfloat16": 990e12}, 3.35e12, 450e9, 2e-6, 10e-6
)
V5E = Machine("TPU v5e", 1, {"float32": 197e12 / 6, "bfloat16": 197e12}, 819e9, 4 * 50e9, 0.5e-6, 10e-6)
MACHINES = (H100, H100.of(8), V5E, V5E.of(8), V5E.of(64))


class Prediction(NamedTuple):
    """Seconds of one iteration: a step of D and one of G."""

    operations: float
    traffic: float
    launches: float
    all_reduces: float

    @property
    def least(self) -> float:
        return max(self.operations, self.traffic, self.launches) + self.all_reduces


def products(rows: int) -> list[tuple[int, int, int]]:
    """List the matrix products of an iteration on `rows` real images, each (n, k) times (k, m) as (n, k, m)."""
    generator, discriminator = (list(pairwise(sizes)) for sizes in NETWORKS)

    def forward(layers: Layers, n: int) -> list[tuple[int, int, int]]:
        return [(n, k, m) for k, m in layers]

    def weight_gradients(layers: Layers, n: int) -> list[tuple[int, int, int]]:
        return [(k, n, m) for k, m in layers]

    def input_gradients(layers: Layers, n: int) -> list[tuple[int, int, int]]:
        return [(n, m, k) for k, m in layers]

    both = 2 * rows  # real and generated
    d_step = [
        *forward(generator, rows), *forward(discriminator, both),
        *weight_gradients(discriminator, both), *input_gradients(discriminator[1:], both),
    ]  # fmt: skip
    g_step = [
        *forward(generator, rows), *forward(discriminator, rows), *input_gradients(discriminator, rows),
        *weight_gradients(generator, rows), *input_gradients(generator[1:], rows),
    ]  # fmt: skip
    return d_step + g_step


def parameters() -> int:
    """Count the parameters of both networks."""
    return sum((k + 1) * m for sizes in NETWORKS for k, m in pairwise(sizes))


def predict(machine: Machine, precision: Precision, batch: int = REFERENCE_BATCH, seeds: int = 1) -> Prediction:
    """Predict an iteration of `seeds` runs in one program, each batch sharded over all devices of the machine."""
    rows, operand = batch // machine.devices, 2 if precision == "bfloat16" else FLOAT
    each = products(rows)
    moved = sum(operand * (n * k + k * m) + FLOAT * n * m for n, k, m in each) + ADAM * parameters()
    # A ring all-reduce passes (N - 1)/N of the data along each link twice: reduce-scatter, then all-gather.
    ring = 2 * (machine.devices - 1) / machine.devices * FLOAT * parameters() / machine.link
    return Prediction(
        operations=seeds * flops(rows).iteration(1) / machine.flops[precision],
        traffic=seeds * moved / machine.memory,
        launches=KERNELS_PER_PRODUCT * len(each) * machine.launch,
        all_reduces=seeds * ring + 2 * machine.latency if machine.devices > 1 else 0.0,
    )


def seeds_for_twice_the_time(machine: Machine, precision: Precision) -> int:
    """Count the seeds that the devices train, each device on its own, in twice the time of a single seed."""
    alone = predict(machine.of(1), precision).least
    seeds = 1
    while predict(machine.of(1), precision, seeds=seeds + 1).least <= 2 * alone:
        seeds += 1
    return machine.devices * seeds


def as_markdown() -> str:
    """Tabulate the predictions for all machines, in microseconds per iteration at batch size 512."""
    terms = ("operations", "traffic", "launches", "all-reduces", "least")
    lines = []
    for machine in MACHINES:
        for precision in machine.flops:
            found, alone = predict(machine, precision), predict(machine.of(1), precision)
            seconds = (f"{1e6 * seconds:.0f}" for seconds in (*found, found.least))
            speedup, seeds = alone.least / found.least, seeds_for_twice_the_time(machine, precision)
            lines.append([f"{machine.devices} {machine.name}", precision, *seconds, f"{speedup:.2f}", str(seeds)])
    return tables.as_markdown(["machine", "precision", *terms, "times one", "seeds"], lines)
