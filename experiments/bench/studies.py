"""Studies: the cases that are timed together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.bench.cases import BenchCase

JAX, TORCH, MATMUL = BenchCase(framework="jax"), BenchCase(framework="torch"), BenchCase(framework="matmul")


@dataclass(frozen=True)
class Study:
    """Cases that are timed together."""

    name: str
    title: str
    cases: Mapping[str, BenchCase]  # by label; rooflines and PyTorch's eager cases end with their precision
    quantity: str | None = None  # the field of `BenchCase` that is varied, if any
    cases_on_gpu: Mapping[str, BenchCase] = field(default_factory=dict)  # in addition

    def cases_on(self, backend: str) -> dict[str, BenchCase]:
        """Choose the cases to time on a backend of JAX."""
        return {**self.cases, **(self.cases_on_gpu if backend == "gpu" else {})}


def _varied(quantity: str, values: tuple[int, ...], cases: dict[str, BenchCase]) -> dict[str, BenchCase]:
    return {
        f"{label}, {value}": replace(case, **{quantity: value})  # pyright: ignore[reportArgumentType]
        for value in values
        for label, case in cases.items()
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
                "matmul roofline float32": MATMUL,
                "matmul roofline bfloat16": replace(MATMUL, precision="bfloat16"),
            },
            cases_on_gpu={
                "torch eager tensorfloat32": replace(TORCH, precision="tensorfloat32"),
                "torch.compile tensorfloat32": replace(TORCH, precision="tensorfloat32", compiled=True),
                "JAX tensorfloat32": replace(JAX, precision="tensorfloat32"),
                # A single run leaves most of a GPU idle.
                "JAX tensorfloat32 of 16 seeds": replace(JAX, precision="tensorfloat32", seeds=16),
                "matmul roofline tensorfloat32": replace(MATMUL, precision="tensorfloat32"),
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
            "an iteration of several seeds in one vectorized program",
            _varied("seeds", (1, 2, 4, 8), {"JAX float32": JAX}),
            "seeds",
        ),
        Study("variants", "an epoch of each variant of part_a that ./run.sh improvements trains", {}),
        Study("startup", "the time from the command to the first training step", {}),
        Study("roofline", "the predicted time of an iteration on GPUs and TPUs, by arithmetic", {}),
    )
}
