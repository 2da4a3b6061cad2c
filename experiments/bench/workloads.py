"""An arm's work, ready to be run again and again."""

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
from gan_jax.models.matmul import product
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped

SIDE = 1024  # of the square matrices of "products"


@dataclass(frozen=True)
class Workload:
    """Running it does the arm's iterations once and waits for their end; the first time compiles."""

    run: Callable[[], object]
    device: str
    threads: int | None  # that the framework says it uses, or the processors that this process may use
    versions: dict[str, str]
    peak_device_bytes: Callable[[], int | None]


def prepare(arm: BenchCase) -> Workload:
    """The work of an arm."""
    return {"jax": _jax, "torch": _torch, "products": _products}[arm.framework](arm)


def setting_of(arm: BenchCase) -> Hyperparameters:
    """`part_a`'s setting with what the arm changes in it."""
    return Hyperparameters(batch_size=arm.batch_size, width_multiplier=arm.width, precision=arm.precision)


def images_of(arm: BenchCase) -> np.ndarray:
    """As many real digits as one timing trains on, uint8 (iterations * batch size, 784)."""
    return np.resize(load("mnist").train_images, (arm.iterations * arm.batch_size, 784))


def _jax(arm: BenchCase) -> Workload:
    hparams, images = setting_of(arm), jax.device_put(images_of(arm))
    states = tuple(init_state(jax.random.key(seed), hparams) for seed in range(arm.seeds))

    def run() -> None:
        nonlocal states
        options = dict(hparams=hparams, discriminator_steps=arm.discriminator_steps)
        if arm.seeds == 1:
            states = (train_epoch(states[0], images, **options)[0],)
        else:
            states = train_epoch_vmapped(states, images, **options)[0]
        jax.block_until_ready(states)

    return _with_jax(run)


def _products(arm: BenchCase) -> Workload:
    """Square products with the operations of the arm's iterations, each on the one before it."""
    count = round(arm.iterations * arm.flops / (2 * SIDE**3))
    matrix = jax.random.normal(jax.random.key(0), (SIDE, SIDE)) / SIDE**0.5  # keeps the products' size

    @jax.jit
    def products(left: jax.Array, right: jax.Array) -> jax.Array:
        return lax.scan(lambda left, _: (product(left, right, arm.precision), None), left, None, length=count)[0]

    return _with_jax(lambda: products(matrix, matrix).block_until_ready())


def _with_jax(run: Callable[[], object]) -> Workload:
    device = jax.devices()[0]

    def peak() -> int | None:
        return (device.memory_stats() or {}).get("peak_bytes_in_use")

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Workload(run, device.device_kind, threads, {"jax": version("jax"), "jaxlib": version("jaxlib")}, peak)


def _torch(arm: BenchCase) -> Workload:
    """The homework's loop, experiments/torch_baseline.py; its images are floats in memory."""
    import torch

    from experiments.torch_baseline import Gan, make_networks, train_epoch

    hparams = setting_of(arm)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    networks = make_networks(hparams)
    gan = Gan(hparams, *(network.to(device) for network in networks))
    if arm.compiled:
        gan.compile()
    images = torch.tensor(np.asarray(to_unit_range(jnp.asarray(images_of(arm)))), device=device)

    def peak() -> int | None:
        return torch.cuda.max_memory_allocated() if device.type == "cuda" else None

    return Workload(
        run=lambda: train_epoch(gan, images, arm.discriminator_steps),  # its figures come back to the host: it is done
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        versions={"torch": torch.__version__},
        peak_device_bytes=peak,
    )
