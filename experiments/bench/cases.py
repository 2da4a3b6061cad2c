"""Cases of the benchmarks: each is one way to train."""

from dataclasses import dataclass
from typing import Literal

from gan_jax.models.flops import flops
from gan_jax.types import Precision

Framework = Literal["jax", "torch", "matmul"]

REFERENCE_BATCH = 512
REFERENCE_ITERATIONS = 8  # of the homework's size, in one timing: about a second on two cores


@dataclass(frozen=True, kw_only=True)
class BenchCase:
    """Iterations of `part_a` in one framework, or their matrix products alone ("matmul")."""

    framework: Framework
    precision: Precision = "float32"
    compiled: bool = False  # by torch.compile; JAX always is
    batch_size: int = REFERENCE_BATCH
    discriminator_steps: int = 1
    width: int = 1
    seeds: int = 1  # in one vectorized program, with JAX

    @property
    def flops(self) -> int:
        """Floating-point operations of an iteration, over all seeds."""
        return self.seeds * flops(self.batch_size, self.width).iteration(self.discriminator_steps)

    @property
    def iterations(self) -> int:
        """Iterations in one timing: as many operations as the reference's, and at least two iterations."""
        reference = REFERENCE_ITERATIONS * flops(REFERENCE_BATCH).iteration(1)
        return max(2, round(reference / self.flops))

    @property
    def images(self) -> int:
        """Images in an iteration, over all seeds."""
        return self.seeds * self.batch_size
