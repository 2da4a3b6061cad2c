"""What an epoch costs: counted in floating-point operations, and timed against the number of discriminator steps."""

import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from gan_jax.config import Setting
from gan_jax.data import ImageDataset
from gan_jax.figures import DISCRIMINATOR, EQUILIBRIUM
from gan_jax.files import save_figure, write_json
from gan_jax.manifest import provenance
from gan_jax.models import IMAGE_SIZE, LATENT_SIZE, Discriminator, Generator
from gan_jax.training import init_state, train_epoch

TIMED_BATCHES = 4  # an epoch is timed on so many batches, and the time taken times the full number


class Flops(NamedTuple):
    """Of the matrix products of one step; all else is a few per cent of them."""

    discriminator_step: int
    generator_step: int

    def iteration(self, discriminator_steps: int) -> int:
        return discriminator_steps * self.discriminator_step + self.generator_step


def flops(batch_size: int) -> Flops:
    """Two for each weight and image, in the forward pass, for the weights' gradient and for the inputs' gradient.

    A discriminator step takes G forward, and D forward and backward on real and generated images; the images need no
    gradient. A generator step takes both networks forward, D backward to its images alone, and G backward; the latents
    need no gradient.
    """
    g_sizes = (LATENT_SIZE, *Generator().hidden_sizes, IMAGE_SIZE)
    d_sizes = (IMAGE_SIZE, *Discriminator().hidden_sizes, 1)
    g_layers = [2 * a * b for a, b in pairwise(g_sizes)]
    d_layers = [2 * a * b for a, b in pairwise(d_sizes)]
    g, d = sum(g_layers), sum(d_layers)
    return Flops(
        discriminator_step=batch_size * (g + 2 * (2 * d + d - d_layers[0])),
        generator_step=batch_size * (g + d + d + g + g - g_layers[0]),
    )


class Cost(NamedTuple):
    """Seconds of an epoch by number of discriminator steps, and the straight line through them."""

    steps: list[int]
    seconds: list[float]  # median of the repeats
    spread: list[tuple[float, float]]  # least and most
    slope: float  # seconds for each further step
    intercept: float  # seconds of the generator's steps
    flops_slope: float  # what the slope would be if time went with the operations, from the line's value at one step


def cost_of_steps(dataset: ImageDataset, steps: Sequence[int], repeats: int, setting: Setting) -> Cost:
    """Time epochs, the numbers of steps in turn so that a noisy machine treats all alike; compiling is not timed."""
    images = jax.device_put(dataset.train_images[: TIMED_BATCHES * setting.batch_size])
    scale = (len(dataset.train_images) // setting.batch_size) / TIMED_BATCHES
    state = init_state(jax.random.key(0), setting)
    times: dict[int, list[float]] = {k: [] for k in steps}
    for repeat in range(repeats + 1):
        for k in steps:
            start = time.perf_counter()
            state, _ = jax.block_until_ready(train_epoch(state, images, setting=setting, discriminator_steps=k))
            if repeat:  # the first compiles
                times[k].append(scale * (time.perf_counter() - start))
    medians = [statistics.median(times[k]) for k in steps]
    # Weighted by 1/time: what is noisy in a time is a share of it.
    slope, intercept = np.polyfit(steps, medians, 1, w=1 / np.array(medians))
    count = flops(setting.batch_size)
    return Cost(
        steps=list(steps),
        seconds=medians,
        spread=[(min(times[k]), max(times[k])) for k in steps],
        slope=float(slope),
        intercept=float(intercept),
        flops_slope=float((slope + intercept) * count.discriminator_step / count.iteration(1)),
    )


def draw(cost: Cost) -> Figure:
    """Seconds against steps with the fitted line."""
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axis = figure.subplots()
    low, high = np.abs(np.array(cost.spread).T - np.array(cost.seconds))
    axis.errorbar(
        cost.steps, cost.seconds, yerr=[low, high], fmt="o", color=DISCRIMINATOR, label="median, least and most"
    )
    line = np.array([0, max(cost.steps)])
    fit = f"{cost.intercept:.2f} s + {cost.slope:.2f} s a step (by operations {cost.flops_slope:.2f} s)"
    axis.plot(line, cost.intercept + cost.slope * line, color=EQUILIBRIUM, label=fit)
    axis.set(xlabel="discriminator steps an iteration", ylabel="seconds an epoch", ylim=(0, None), xlim=(0, None))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return figure


def bench(dataset: ImageDataset, out: Path, repeats: int, setting: Setting) -> list[str]:
    """Time epochs of 1 to 32 discriminator steps, write cost_of_steps.json and .png into `out`, and say the table."""
    cost = cost_of_steps(dataset, (1, 2, 4, 8, 16, 32), repeats, setting)
    write_json(out / "cost_of_steps.json", {"provenance": provenance(), "repeats": repeats, **cost._asdict()})
    save_figure(out / "cost_of_steps.png", draw(cost))
    lines = ["D steps  seconds an epoch"]
    lines += [f"{k:7d}  {seconds:.2f} ({low:.2f} to {high:.2f})"
              for k, seconds, (low, high) in zip(cost.steps, cost.seconds, cost.spread, strict=True)]  # fmt: skip
    ratio = cost.slope / cost.flops_slope
    return [*lines, f"slope {cost.slope:.3f} s a step, {ratio:.2f} times what the operations predict"]
