"""A case's work, ready to be run repeatedly."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from experiments.bench.cases import BenchCase
from gan_jax.config import Hyperparameters
from gan_jax.data.datasets import load
from gan_jax.data.pixels import to_unit_range
from gan_jax.models.matmul import matmul
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped

SIDE = 1024  # of the square matrices of "matmul"


@dataclass(frozen=True)
class Workload:
    """A function that runs a case's iterations once and waits for them, and where it runs; its first call compiles."""

    run: Callable[[], object]
    device: str
    threads: int | None  # of the framework, or the processors that this process may use
    versions: dict[str, str]
    peak_device_bytes: Callable[[], int | None]


def prepare(case: BenchCase) -> Workload:
    """Prepare a case's work."""
    return {"jax": _jax, "torch": _torch, "matmul": _matmul}[case.framework](case)


def _hparams(case: BenchCase) -> Hyperparameters:
    """Return `part_a`'s hyperparameters with the case's changes."""
    return Hyperparameters(batch_size=case.batch_size, width_multiplier=case.width, precision=case.precision)


def _images(case: BenchCase) -> np.ndarray:
    """Return as many real digits as one timing trains on, uint8 (iterations * batch size, 784)."""
    return np.resize(load("mnist").train_images, (case.iterations * case.batch_size, 784))


def _jax(case: BenchCase) -> Workload:
    hparams, images = _hparams(case), jax.device_put(_images(case))
    states = tuple(init_state(jax.random.key(seed), hparams) for seed in range(case.seeds))

    def run() -> None:
        nonlocal states
        options = dict(hparams=hparams, discriminator_steps=case.discriminator_steps)
        if case.seeds == 1:
            states = (train_epoch(states[0], images, **options)[0],)
        else:
            states = train_epoch_vmapped(states, images, **options)[0]
        jax.block_until_ready(states)

    return _on_jax(run)


def _matmul(case: BenchCase) -> Workload:
    """Multiply square matrices, each the previous product, until the operations are those of the case's iterations."""
    count = round(case.iterations * case.flops / (2 * SIDE**3))
    matrix = jax.random.normal(jax.random.key(0), (SIDE, SIDE)) / SIDE**0.5  # keeps the products' norm

    @jax.jit
    def products(left: jax.Array, right: jax.Array) -> jax.Array:
        return lax.scan(lambda left, _: (matmul(left, right, case.precision), None), left, None, length=count)[0]

    return _on_jax(lambda: products(matrix, matrix).block_until_ready())


def _on_jax(run: Callable[[], object]) -> Workload:
    device = jax.devices()[0]

    def peak() -> int | None:
        return (device.memory_stats() or {}).get("peak_bytes_in_use")

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Workload(run, device.device_kind, threads, {"jax": version("jax"), "jaxlib": version("jaxlib")}, peak)


def _torch(case: BenchCase) -> Workload:
    """Run the homework's loop, experiments/torch_baseline.py, on images that are floats in memory."""
    import torch

    from experiments.torch_baseline import Gan, make_networks, train_epoch

    hparams = _hparams(case)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    networks = make_networks(hparams)
    gan = Gan(hparams, *(network.to(device) for network in networks))
    if case.compiled:
        gan.compile()
    images = torch.tensor(np.asarray(to_unit_range(jnp.asarray(_images(case)))), device=device)

    def peak() -> int | None:
        return torch.cuda.max_memory_allocated() if device.type == "cuda" else None

    return Workload(
        run=lambda: train_epoch(
            gan, images, case.discriminator_steps
        ),  # its metrics are copied to the host: it has ended
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        versions={"torch": torch.__version__},
        peak_device_bytes=peak,
    )
