"""Cost of an epoch by hyperparameters: iterations timed in turn in one process, so that load biases no ratio."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.harness import tables
from gan_jax.config import Hyperparameters
from gan_jax.plotting.style import RUN_COLORS
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

ITERATIONS = 8  # of one timing: about a second on two cores


class Cost(NamedTuple):
    """Cost of training with some hyperparameters."""

    seconds: list[float]  # of an iteration, one per repeat
    epoch_seconds: float  # of the median iteration
    times: float  # ratio of an epoch's time to the baseline's: the median over repeats


def measure(
    hparams: Mapping[str, Hyperparameters], images: np.ndarray, repeats: int, log: Callable[[str], None]
) -> dict[str, Cost]:
    """Time an iteration of one step of D and one of G with each set of hyperparameters, `repeats` times in turn.

    Compilation is not counted.

    Args:
        hparams: hyperparameters by name, the baseline first.
        images: uint8 (n, 784), the images of an epoch.
        repeats: at least 1.
        log: called with a line for each program that is ready.
    """
    # As many images as fill the iterations of one timing.
    given = {
        name: jax.device_put(np.resize(images, (ITERATIONS * each.batch_size, images.shape[1])))
        for name, each in hparams.items()
    }
    states = {name: init_state(jax.random.key(0), each) for name, each in hparams.items()}

    def timed(name: str) -> float:
        start = time.perf_counter()
        states[name], _ = train_epoch(states[name], given[name], hparams=hparams[name], discriminator_steps=1)
        jax.block_until_ready(states[name])
        return (time.perf_counter() - start) / ITERATIONS

    for name in hparams:
        timed(name)
        log(f"{name}: ready")
    seconds = {name: [] for name in hparams}
    for _ in range(repeats):
        for name, values in seconds.items():
            values.append(timed(name))
    epochs = {name: np.array(values) * (len(images) // hparams[name].batch_size) for name, values in seconds.items()}
    baseline = epochs[next(iter(hparams))]
    return {
        name: Cost(values, float(np.median(epochs[name])), float(np.median(epochs[name] / baseline)))
        for name, values in seconds.items()
    }


def as_markdown(costs: Mapping[str, Cost]) -> str:
    """Tabulate the costs."""
    lines = []
    for name, cost in costs.items():
        low, middle, high = (1e3 * of(cost.seconds) for of in (min, statistics.median, max))
        milliseconds = f"{middle:.1f} ({low:.1f} to {high:.1f})"
        lines.append([name, milliseconds, f"{cost.epoch_seconds:.1f}", f"{cost.times:.2f}"])
    return tables.as_markdown(["change", "ms per iteration", "s per epoch", "times part_a's"], lines)


def draw(title: str, costs: Mapping[str, Cost]) -> Figure:
    """Draw the costs relative to the baseline's as bars, the cheapest first."""
    figure = Figure(figsize=(7.5, 1 + 0.28 * len(costs)), layout="constrained")
    axis = figure.subplots()
    ranked = sorted(costs, key=lambda name: -costs[name].times)
    bars = axis.barh(ranked, [costs[name].times for name in ranked], color=RUN_COLORS[0])
    axis.bar_label(bars, fmt="%.2f", padding=4)
    axis.axvline(1, color=RUN_COLORS[1], linestyle=":", linewidth=1)
    axis.set(xlabel="time of an epoch relative to part_a's: median of ratios", xmargin=0.1, ymargin=0.01)
    figure.suptitle(title)  # centered over the long names as well
    axis.spines[["top", "right"]].set_visible(False)
    return figure
