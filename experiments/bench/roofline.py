"""Roofline of an iteration on machines that are not here: a prediction by arithmetic, not a measurement.

The least time is the longest of three that can pass side by side (the products' operations, the memory's traffic, the
launches of kernels), and the all-reduces of gradients, which wait for the products and are waited for.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from experiments.bench.cases import REFERENCE_BATCH
from gan_jax.models.flops import flops
from gan_jax.models.mlp import DISCRIMINATOR_SIZES, GENERATOR_SIZES, IMAGE_SIZE, LATENT_SIZE
from gan_jax.types import Precision

FLOAT = 4  # bytes; parameters, gradients, Adam's moments and what is summed between devices are float32
# Adam reads a parameter, its gradient and its two moments, and writes all but the gradient.
ADAM = 7 * FLOAT
# Around each product about two further kernels: bias, slope and dropout or their gradients; a sum over the batch, or
# Adam. XLA decides; between 1 and 3 the conclusions are the same.
KERNELS_A_PRODUCT = 3


@dataclass(frozen=True)
class Machine:
    """A device and how it is joined to others, by its maker's figures but for the two latencies, which are assumed."""

    name: str
    devices: int
    flops: dict[Precision, float]  # a second, dense
    memory: float  # bytes a second
    link: float  # bytes a second and direction, of all links of a device
    launch: float  # seconds from the start of a short kernel to that of the next
    latency: float  # seconds of an all-reduce of nothing

    def of(self, devices: int) -> "Machine":
        return replace(self, devices=devices)


# float32 asks for full float32 (gan_jax/models/matmul.py): on an H100 not the tensor cores' 495 TFLOP/s of TF32,
# but the 67 of its other cores; on a TPU six passes in bfloat16.
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
    """Every product of an iteration on so many real images, as (n, k, m) of (n, k) times (k, m); as `flops` counts."""
    generator: list[tuple[int, int]] = list(pairwise((LATENT_SIZE, *GENERATOR_SIZES, IMAGE_SIZE)))
    discriminator: list[tuple[int, int]] = list(pairwise((IMAGE_SIZE, *DISCRIMINATOR_SIZES, 1)))

    def forward(layers: list[tuple[int, int]], n: int) -> list[tuple[int, int, int]]:
        return [(n, k, m) for k, m in layers]

    def for_weights(layers: list[tuple[int, int]], n: int) -> list[tuple[int, int, int]]:
        return [(k, n, m) for k, m in layers]

    def for_inputs(layers: list[tuple[int, int]], n: int) -> list[tuple[int, int, int]]:
        return [(n, m, k) for k, m in layers]

    both = 2 * rows  # real and generated
    d_step = [
        *forward(generator, rows), *forward(discriminator, both),
        *for_weights(discriminator, both), *for_inputs(discriminator[1:], both),
    ]  # fmt: skip
    g_step = [
        *forward(generator, rows), *forward(discriminator, rows), *for_inputs(discriminator, rows),
        *for_weights(generator, rows), *for_inputs(generator[1:], rows),
    ]  # fmt: skip
    return d_step + g_step


def parameters() -> int:
    """Count the parameters of both networks."""
    sizes = (LATENT_SIZE, *GENERATOR_SIZES, IMAGE_SIZE), (IMAGE_SIZE, *DISCRIMINATOR_SIZES, 1)
    return sum((k + 1) * m for network in sizes for k, m in pairwise(network))


def predict(machine: Machine, precision: Precision, batch: int = REFERENCE_BATCH, seeds: int = 1) -> Prediction:
    """An iteration of `seeds` runs in one program, of each the batch spread over the machine's devices."""
    rows, operand = batch // machine.devices, 2 if precision == "bfloat16" else FLOAT
    each = products(rows)
    moved = sum(operand * (n * k + k * m) + FLOAT * n * m for n, k, m in each) + ADAM * parameters()
    # A ring sends and receives all but a share twice: to add up, and to hand round.
    share = 2 * (machine.devices - 1) / machine.devices * FLOAT * parameters() / machine.link
    return Prediction(
        operations=seeds * flops(rows).iteration(1) / machine.flops[precision],
        traffic=seeds * moved / machine.memory,
        launches=KERNELS_A_PRODUCT * len(each) * machine.launch,
        all_reduces=seeds * share + 2 * machine.latency if machine.devices > 1 else 0.0,
    )


def seeds_for_twice_the_time(machine: Machine, precision: Precision) -> int:
    """Count the seeds that a device trains side by side, without any exchange, in twice the least time of one."""
    alone = predict(machine.of(1), precision).least
    seeds = 1
    while predict(machine.of(1), precision, seeds=seeds + 1).least <= 2 * alone:
        seeds += 1
    return machine.devices * seeds


def as_markdown() -> str:
    """The prediction for each machine: microseconds an iteration of batch 512."""
    heading = (
        "machine",
        "precision",
        "operations",
        "traffic",
        "launches",
        "all-reduces",
        "least",
        "times one",
        "seeds",
    )
    lines = [heading, ("---",) * len(heading)]
    for machine in MACHINES:
        for precision in machine.flops:
            found, alone = predict(machine, precision), predict(machine.of(1), precision)
            lines.append(
                (
                    f"{machine.devices} {machine.name}",
                    precision,
                    *(f"{1e6 * seconds:.0f}" for seconds in (*found, found.least)),
                    f"{alone.least / found.least:.2f}",
                    str(seeds_for_twice_the_time(machine, precision)),
                )
            )
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
