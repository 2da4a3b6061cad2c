"""Cases of the benchmarks: each is one way to train, and runs in a process of its own."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gan_jax.models.flops import flops
from gan_jax.types import Precision

Framework = Literal["jax", "torch", "products"]

REFERENCE_BATCH = 512
REFERENCE_ITERATIONS = 8  # of the homework's size in one timing: about a second on two cores


@dataclass(frozen=True, kw_only=True)
class BenchCase:
    """Iterations of `part_a` in one framework, or their matrix products alone ("products": the roofline)."""

    framework: Framework
    precision: Precision = "float32"
    compiled: bool = False  # by torch.compile; JAX always is
    batch_size: int = REFERENCE_BATCH
    discriminator_steps: int = 1
    width: int = 1
    seeds: int = 1  # in one vectorised program, with JAX

    @property
    def flops(self) -> int:
        """Operations of an iteration of all seeds."""
        return self.seeds * flops(self.batch_size, self.width).iteration(self.discriminator_steps)

    @property
    def iterations(self) -> int:
        """In one timing: as many as do the work of the reference's, and at least two."""
        reference = REFERENCE_ITERATIONS * flops(REFERENCE_BATCH).iteration(1)
        return max(2, round(reference / self.flops))

    @property
    def images(self) -> int:
        """Images that one iteration trains on, over all seeds."""
        return self.seeds * self.batch_size

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
