"""Studies: which cases are compared with which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.bench.cases import BenchCase

JAX, TORCH, PRODUCTS = BenchCase(framework="jax"), BenchCase(framework="torch"), BenchCase(framework="products")


@dataclass(frozen=True)
class Study:
    """Arms that are timed together."""

    name: str
    title: str
    arms: Mapping[str, BenchCase]  # by label; floors, and torch's, are named like their precision
    quantity: str | None = None  # the field of Arm that is varied, where one is
    arms_on_gpu: Mapping[str, BenchCase] = field(default_factory=dict)  # besides

    def arms_on(self, backend: str) -> dict[str, BenchCase]:
        """Choose the cases to time on a CPU, or on JAX's other backends."""
        return {**self.arms, **(self.arms_on_gpu if backend == "gpu" else {})}


def _varied(quantity: str, values: tuple[int, ...], arms: dict[str, BenchCase]) -> dict[str, BenchCase]:
    return {
        f"{label}, {value}": replace(arm, **{quantity: value})  # pyright: ignore[reportArgumentType]
        for value in values
        for label, arm in arms.items()
    }


BOTH = {"JAX float32": JAX, "torch eager float32": TORCH}

STUDIES = {
    study.name: study
    for study in (
        Study(
            "frameworks",
            "an iteration of part_a: one step of D and one of G on 512 images",
            {
                "torch eager float32": TORCH,
                "torch.compile float32": replace(TORCH, compiled=True),
                "torch autocast bfloat16": replace(TORCH, precision="bfloat16"),
                "JAX float32": JAX,
                "JAX bfloat16": replace(JAX, precision="bfloat16"),
                "floor float32": PRODUCTS,
                "floor bfloat16": replace(PRODUCTS, precision="bfloat16"),
            },
            arms_on_gpu={
                "torch eager tensorfloat32": replace(TORCH, precision="tensorfloat32"),
                "torch.compile tensorfloat32": replace(TORCH, precision="tensorfloat32", compiled=True),
                "JAX tensorfloat32": replace(JAX, precision="tensorfloat32"),
                # One run leaves most of a GPU idle.
                "JAX tensorfloat32 of 16 seeds": replace(JAX, precision="tensorfloat32", seeds=16),
                "floor tensorfloat32": replace(PRODUCTS, precision="tensorfloat32"),
            },
        ),
        Study(
            "steps",
            "an iteration against its steps of D",
            _varied("discriminator_steps", (1, 2, 4, 8, 16, 32), {"JAX float32": JAX}),
            "discriminator_steps",
        ),
        Study(
            "batch_size",
            "an iteration against the batch size",
            _varied("batch_size", (64, 128, 256, 512, 1024, 2048, 4096), BOTH),
            "batch_size",
        ),
        Study(
            "width", "an iteration against the width of the hidden layers", _varied("width", (1, 2, 4), BOTH), "width"
        ),
        Study(
            "seeds",
            "an iteration of several seeds in one vectorised program",
            _varied("seeds", (1, 2, 4, 8), {"JAX float32": JAX}),
            "seeds",
        ),
        Study("variants", "an epoch of part_a with each of ./run.sh improvements' changes", {}),
        Study("startup", "from the command to the first training step", {}),
        Study("roofline", "what an iteration would take at least on GPUs and TPUs, by arithmetic", {}),
    )
}
