"""Saturation of G's gradient as D improves (Arjovsky and Bottou 2017, arXiv:1701.04862, figures 2 and 3).

    ./run.sh saturation      claim: under log(1 - D) it falls by five orders of magnitude in 4000 iterations of D

The generator of `part_a` is frozen after 1, 10 and 25 epochs. Against each, a D is trained from scratch, while the norm
of the gradient that G would receive is measured under either loss. Under -log D the paper finds that it grows.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from matplotlib.figure import Figure

from experiments.homework.parts import PART_A
from gan_jax.analysis.charts import GROUP_COLORS, Chart, Line, numbers
from gan_jax.config import Config, Hyperparameters
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.plotting import panels
from gan_jax.runs.provenance import provenance
from gan_jax.training.prng import Stream, stream_key
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_epoch import train_epoch
from gan_jax.training.train_step import discriminator_step, generator_step
from gan_jax.utils.files import save_figure, write_json
from gan_jax.utils.jit import deterministic_jit

LOSSES = {"saturating": "log(1 - D(G(z)))", "non_saturating": "-log D(G(z))"}  # what G minimizes
DISCRIMINATOR_SEED = 1_000_003  # distinct from that of the generator's run
ENDS = 3  # points averaged at each end of a curve, since the norm of a single batch is noisy
TINY = float(np.finfo(np.float32).tiny)  # the smallest normal float32: a smaller norm has underflowed, mostly to 0


class Curve(NamedTuple):
    """Norms of G's gradient against a G frozen after `epochs` epochs, at each of `iterations`."""

    epochs: int
    iterations: np.ndarray  # int (points,), of D
    norms: dict[str, np.ndarray]  # float64 (points,) by loss


def measured_iterations(last: int) -> np.ndarray:
    """Return 0, then about ten iterations per decade up to `last`."""
    return np.unique(np.r_[0, np.rint(np.logspace(0, np.log10(last), 1 + int(10 * np.log10(last)))), last].astype(int))


def _batch(state: GanState, images: Array, hparams: Hyperparameters) -> Array:
    """Draw real images with replacement: float32 (batch, 784) in [-1, 1]."""
    key = stream_key(state.key, Stream.EPOCH_ORDER, state.iteration)
    return to_unit_range(images[jax.random.randint(key, (hparams.batch_size,), 0, len(images))])


@partial(deterministic_jit, static_argnames=("hparams",))
def _train_discriminator(state: GanState, images: Array, iterations: Array, hparams: Hyperparameters) -> GanState:
    """Update D alone `iterations` times, which is not static, so that one program serves all intervals."""

    def body(_: Array, state: GanState) -> GanState:
        state, _info = discriminator_step(state, _batch(state, images, hparams), jnp.int32(0), hparams)
        return state._replace(iteration=state.iteration + 1)

    return lax.fori_loop(0, iterations, body, state)


@partial(deterministic_jit, static_argnames=("hparams",))
def _generator_norm(state: GanState, images: Array, hparams: Hyperparameters) -> Array:
    """Compute the norm of the gradient in a generator step, float32 ()."""
    return generator_step(state, _batch(state, images, hparams), hparams)[2]


def frozen_generators(
    images: Array, epochs: Sequence[int], hparams: Hyperparameters, say: Callable[[str], None]
) -> dict[int, dict]:
    """Train with D and return G's parameters after each of `epochs`."""
    state = init_state(jax.random.key(PART_A.config.seed), hparams)
    frozen = {}
    for epoch in range(1, max(epochs) + 1):
        state, _ = jax.block_until_ready(train_epoch(state, images, hparams=hparams, discriminator_steps=1))
        say(f"G: epoch {epoch}/{max(epochs)}")
        if epoch in epochs:
            frozen[epoch] = jax.tree.map(jnp.copy, state.generator)  # the next epoch donates the state
    return frozen


def measure(generator: dict, epochs: int, images: Array, iterations: np.ndarray, hparams: Hyperparameters) -> Curve:
    """Train a D from scratch against a frozen G and measure G's gradient at the given iterations."""
    state = init_state(jax.random.key(DISCRIMINATOR_SEED), hparams)._replace(generator=generator)
    norms: dict[str, list[float]] = {loss: [] for loss in LOSSES}
    for interval in np.diff(iterations, prepend=0):
        state = _train_discriminator(state, images, jnp.int32(interval), hparams)
        for loss in LOSSES:
            norms[loss].append(float(_generator_norm(state, images, replace(hparams, loss=loss))))
    return Curve(epochs, iterations, {loss: np.array(values) for loss, values in norms.items()})


def charts(curves: Sequence[Curve]) -> list[Chart]:
    """A chart for each loss, with a line for each frozen G."""
    return [
        Chart(
            f"Norm of G's gradient under {formula}",
            curves[0].iterations.tolist(),
            [
                Line(
                    f"G after {curve.epochs} epoch{'s' if curve.epochs > 1 else ''}",
                    f"run-{place % GROUP_COLORS}",
                    numbers(curve.norms[loss], logarithmic=True),
                    points=True,
                )
                for place, curve in enumerate(curves)
            ],
            "gradient norm",
            x_title="iterations of D from scratch",
            logarithmic=True,
            x_logarithmic=True,
            about="Length of the gradient that a frozen G would receive, while a new D is trained against it from "
            "scratch: the further to the right, the better D. Near 0, G would learn nothing.",
        )
        for loss, formula in LOSSES.items()
    ]


def draw(curves: Sequence[Curve], figure: Figure) -> None:
    """Draw both charts side by side."""
    # Shared: a norm of 0 is not drawn, and would leave one panel shorter than the other.
    axes = figure.subplots(1, 2, sharex=True, sharey=True, squeeze=False)[0]
    for axis, chart in zip(axes, charts(curves), strict=True):
        panels.draw(axis, chart)
    axes[0].legend(frameon=False)


def _ends(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return up to `ENDS` points at either end of norms (points,), without overlap unless there is only one."""
    points = min(ENDS, max(len(norms) // 2, 1))
    return norms[:points], norms[-points:]


def orders_changed(norms: np.ndarray) -> float | None:
    """Compute log10(last / first) of norms float64 (points,), each the geometric mean of up to `ENDS` points.

    A final norm of 0 counts as `TINY`, so that the change is then an upper bound. None if an initial norm is 0.
    """
    first, last = _ends(norms)
    if (first < TINY).any():
        return None
    return float(np.log10(np.maximum(last, TINY)).mean() - np.log10(first).mean())


def largest_drop(norms: np.ndarray) -> float:
    """Compute the largest drop of norms float64 (points,) from an earlier to a later point, in orders of magnitude.

    Norms below TINY count as TINY. Batch noise inflates it: it can exceed the change from first to last point, and be
    positive for a curve without a trend.
    """
    logarithms = np.log10(np.maximum(norms, TINY))
    return float((np.maximum.accumulate(logarithms) - logarithms).max())


def in_words(norms: np.ndarray) -> str:
    """Describe the change of a curve's norms, float64 (points,)."""
    change, drop = orders_changed(norms), largest_drop(norms)
    if change is None:
        return "starts at 0"
    way, bound = ("falls", "at least ") if change < 0 else ("grows", "at most ")
    bound = bound if (_ends(norms)[1] < TINY).any() else ""
    least = "at least " if (norms < TINY).any() else ""
    return f"{way} by {bound}{abs(change):.1f} orders of magnitude (largest drop {least}{drop:.1f})"


def saturation(
    dataset: ImageDataset,
    name: str,
    out: Path,
    epochs: Sequence[int],
    iterations: int,
    hparams: Hyperparameters,
    say: Callable[[str], None],
) -> None:
    """Run the experiment, log its results, and write saturation.json and saturation.png into `out`.

    Both files are rewritten after every curve, so that an interrupted experiment leaves the curves it has. `name` is
    that of the data set.

    Raises:
        UserError: if the training images do not fill a batch.
        OSError: if `out` cannot be written to, which is checked before training.
    """
    hparams.require_batch(len(dataset.train_images))
    out.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=out).close()  # an existing directory may still refuse files
    about = {
        "provenance": provenance() | {"data_sha256": dataset.sha256()},
        "dataset": name,
        "setting": asdict(hparams),
        "seed": PART_A.config.seed,
        "seed_of_discriminators": DISCRIMINATOR_SEED,
    }
    images = jax.device_put(dataset.train_images)
    points = measured_iterations(iterations)
    frozen = frozen_generators(images, epochs, hparams, say)
    curves: list[Curve] = []
    for epoch in epochs:
        curve = measure(frozen[epoch], epoch, images, points, hparams)
        curves.append(curve)
        write_json(out / "saturation.json", about | {"curves": [_record(curve) for curve in curves]})
        figure = Figure(figsize=(10, 4.5), layout="constrained")
        draw(curves, figure)
        save_figure(out / "saturation.png", figure)
        say(
            f"G frozen after epoch {epoch}: in {iterations} iterations of D its gradient "
            f"{in_words(curve.norms['saturating'])} under log(1 - D), "
            f"{in_words(curve.norms['non_saturating'])} under -log D"
        )


def is_complete(path: Path, config: Config, epochs: Sequence[int], iterations: int) -> bool:
    """Return whether a saturation.json has all curves, of this configuration's data and hyperparameters."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        done = [(curve["generator_epochs"], curve["iterations"][-1]) for curve in record["curves"]]
        same = record["dataset"] == config.dataset and record["setting"] == asdict(config.hparams)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False
    return same and done == [(epoch, iterations) for epoch in epochs]


def curves_of(record: Mapping[str, Any]) -> list[Curve]:
    """Read the curves of a saturation.json."""
    return [
        Curve(
            curve["generator_epochs"],
            np.array(curve["iterations"]),
            {loss: np.array(norms, float) for loss, norms in curve["gradient_norm"].items()},
        )
        for curve in record["curves"]
    ]


def _record(curve: Curve) -> dict[str, Any]:
    return {
        "generator_epochs": curve.epochs,
        "iterations": curve.iterations.tolist(),
        "gradient_norm": {loss: norms.tolist() for loss, norms in curve.norms.items()},
        "orders_changed": {loss: orders_changed(norms) for loss, norms in curve.norms.items()},
        "greatest_fall": {loss: largest_drop(norms) for loss, norms in curve.norms.items()},
    }
