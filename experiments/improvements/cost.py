"""Cost of an epoch under other hyperparameters, by steps timed in turn in one process: load moves no such ratio."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from gan_jax.config import Hyperparameters
from gan_jax.plotting.panels import RUN_COLOURS
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

ITERATIONS = 8  # in one timing: about a second on two cores


class Cost(NamedTuple):
    """Cost of training with some hyperparameters."""

    seconds: list[float]  # an iteration's, one a repeat
    epoch_seconds: float  # the median's
    times: float  # an epoch's time in the baseline's: the median of the ratios of the same repeat


def measure(
    settings: Mapping[str, Hyperparameters], images: np.ndarray, repeats: int, tell: Callable[[str], None]
) -> dict[str, Cost]:
    """Time an iteration of each setting, one step of D and one of G, `repeats` times in turn, compiled before.

    Args:
        settings: by name, the baseline first.
        images: uint8 (n, 784), of which an epoch is made up.
        repeats: at least 1.
        tell: told of each program that is ready.
    """
    given = {name: _images(images, hparams) for name, hparams in settings.items()}
    states = {name: init_state(jax.random.key(0), hparams) for name, hparams in settings.items()}

    def timed(name: str) -> float:
        start = time.perf_counter()
        states[name], _ = train_epoch(states[name], given[name], hparams=settings[name], discriminator_steps=1)
        jax.block_until_ready(states[name])
        return (time.perf_counter() - start) / ITERATIONS

    for name in settings:
        timed(name)
        tell(f"{name}: ready")
    seconds = {name: [] for name in settings}
    for _ in range(repeats):
        for name, values in seconds.items():
            values.append(timed(name))
    epochs = {name: np.array(values) * (len(images) // settings[name].batch_size) for name, values in seconds.items()}
    baseline = epochs[next(iter(settings))]
    return {
        name: Cost(values, float(np.median(epochs[name])), float(np.median(epochs[name] / baseline)))
        for name, values in seconds.items()
    }


def _images(images: np.ndarray, hparams: Hyperparameters) -> jax.Array:
    """As many as fill the iterations of one timing."""
    return jax.device_put(np.resize(images, (ITERATIONS * hparams.batch_size, images.shape[1])))


def as_markdown(costs: Mapping[str, Cost]) -> str:
    lines = ["| change | ms an iteration | s an epoch | times part_a's |", "| --- | --- | --- | --- |"]
    for name, cost in costs.items():
        low, middle, high = (1e3 * of(cost.seconds) for of in (min, statistics.median, max))
        lines.append(
            f"| {name} | {middle:.1f} ({low:.1f} to {high:.1f}) | {cost.epoch_seconds:.1f} | {cost.times:.2f} |"
        )
    return "\n".join(lines) + "\n"


def draw(title: str, costs: Mapping[str, Cost]) -> Figure:
    """Each setting's cost as a bar, in the baseline's, the cheapest first."""
    figure = Figure(figsize=(7.5, 1 + 0.28 * len(costs)), layout="constrained")
    axis = figure.subplots()
    ranked = sorted(costs, key=lambda name: -costs[name].times)
    bars = axis.barh(ranked, [costs[name].times for name in ranked], color=RUN_COLOURS[0])
    axis.bar_label(bars, fmt="%.2f", padding=4)
    axis.axvline(1, color=RUN_COLOURS[1], linestyle=":", linewidth=1)
    axis.set(xlabel="an epoch's time in part_a's: the median of ratios", xmargin=0.1, ymargin=0.01)
    figure.suptitle(title)  # over the names, too, which are long
    axis.spines[["top", "right"]].set_visible(False)
    return figure
