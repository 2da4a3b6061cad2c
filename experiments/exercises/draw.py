"""Drawings of the exercise notebook, of the student's own functions and runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gan_jax.analysis.metrics import Metrics
from gan_jax.plotting.style import REFERENCE, RUN_COLORS


def slopes(losses: Mapping[str, Callable]) -> None:
    """Draw the size of the slope of G's losses in D's logit, over D(G(z))."""
    answers = np.linspace(0.002, 0.998, 250)
    logits = jnp.asarray(np.log(answers / (1 - answers)), jnp.float32)
    (axis,) = _axes(1, width=7)
    for color, (name, loss) in zip(RUN_COLORS, losses.items(), strict=False):
        axis.plot(answers, np.abs(jax.vmap(jax.grad(lambda logit, loss=loss: loss(logit[None])))(logits)), color,
                  label=name)  # fmt: skip
    axis.set(
        xlabel="D(G(z)): 0 where D rejects the image, 1 where D takes it for real", xlim=(0, 1), ylim=(-0.02, 1.25)
    )
    axis.set(ylabel="size of the slope in D's logit")
    axis.legend(frameon=False, loc="upper center", ncols=3)
    plt.show()


def training(runs: Mapping[str, Metrics]) -> None:
    """Draw D(G(z)) and the norm of G's gradient over the epochs of some runs."""
    answer, norm = _axes(2)
    for color, (name, metrics) in zip(RUN_COLORS, runs.items(), strict=False):
        for axis, column in ((answer, "fake_probability"), (norm, "generator_gradient_norm")):
            axis.plot(metrics["epoch"], metrics[column], color, marker="o", markersize=4, label=name)
    answer.set(title="D's mean answer to generated images", ylabel="D(G(z))", yscale="log")
    norm.set(title="length of G's gradient", ylabel="gradient norm", yscale="log")
    for axis in (answer, norm):
        axis.set(xlabel="epoch", xticks=next(iter(runs.values()))["epoch"])
        axis.legend(frameon=False)
    plt.show()


def optimal_discriminators(optimal: Callable, trained: Callable) -> None:
    """Draw two densities, and below them D* under three kinds of smoothing with the D that training found.

    Args:
        optimal: the student's function.
        trained: a function from (p, q, real_target, fake_target) to D's answers after training.
    """
    x = np.linspace(-4, 6, 101)
    p, q = (np.exp(-((x - mean) ** 2) / 2) / np.sqrt(2 * np.pi) for mean in (0, 2))
    densities, answers = _axes(2)
    densities.plot(x, p, RUN_COLORS[0], label="p, real")
    densities.plot(x, q, RUN_COLORS[1], label="q, generated")
    densities.set(title="two known densities", ylabel="density")
    for color, (name, a, b) in zip(
        (RUN_COLORS[6], RUN_COLORS[2], RUN_COLORS[3]),
        (("targets 1 and 0", 1.0, 0.0), ("one-sided: 0.9 and 0", 0.9, 0.0), ("two-sided: 0.9 and 0.1", 0.9, 0.1)),
        strict=True,
    ):
        answers.plot(x, optimal(p, q, a, b), color, label=name)
        answers.plot(x[::5], np.asarray(trained(p, q, a, b))[::5], "o", color=color, markersize=3)
    answers.set(title="D*, and dots: the D that training finds", ylabel="D(x)", ylim=(-0.05, 1.05))
    for axis in (densities, answers):
        axis.set(xlabel="x")
        axis.legend(frameon=False)
    plt.show()


def orbits(paths: Mapping[str, ArrayLike]) -> None:
    """Draw the ways of G and D through the plane of their two numbers, float (n, 2) each."""
    for axis, (color, (name, path)) in zip(
        _axes(len(paths)), zip(RUN_COLORS, paths.items(), strict=False), strict=True
    ):
        g, d = np.asarray(path).T
        axis.plot(g, d, color, lw=1)
        axis.plot(g[0], d[0], "o", color=color, label="start")
        axis.plot(g[-1], d[-1], "s", color=color, label="end")
        axis.plot(0, 0, "+", color="black", markersize=12, label="equilibrium")
        axis.set(
            title=name, xlabel="G's number (real data: 0)", ylabel="D's number", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2)
        )
        axis.legend(frameon=False, fontsize=8, loc="upper right")
    plt.show()


def shares(histograms: Mapping[str, ArrayLike]) -> None:
    """Draw the shares of the ten digits of some sets of images."""
    (axis,) = _axes(1, width=9)
    width = 0.84 / len(histograms)
    for place, (name, histogram) in enumerate(histograms.items()):
        axis.bar(np.arange(10) - 0.42 + width * (place + 0.5), histogram, width, color=RUN_COLORS[place], label=name)
    axis.axhline(0.1, color=REFERENCE, linestyle="--", lw=1)
    axis.set(xlabel="digit that the classifier reads", ylabel="share of the images", xticks=range(10))
    axis.legend(frameon=False)
    plt.show()


def grids(images: Mapping[str, np.ndarray]) -> None:
    """Draw grids of images, uint8 (height, width) each, side by side."""
    for axis, (name, grid) in zip(_axes(len(images), width=3.2 * len(images), height=3.4), images.items(), strict=True):
        axis.imshow(grid, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(name)
        axis.set_axis_off()
    plt.show()


def _axes(count: int, width: float = 11, height: float = 3.8) -> Sequence[Axes]:
    figure = plt.figure(figsize=(width, height), layout="constrained")
    axes: Any = figure.subplots(1, count, squeeze=False)[0]
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return axes
