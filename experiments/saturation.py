"""How fast G's gradient vanishes while D becomes good: Arjovsky and Bottou (2017, arXiv:1701.04862), figure 2.

    ./run.sh saturation      claim: under log(1 - D) five orders of magnitude within 4000 iterations of D

G of `part_a` is frozen after 1, 10 and 25 epochs. Against each, a D is trained from scratch, and along the way the norm
of the gradient is measured that G would receive under either loss.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from matplotlib.figure import Figure

from experiments.parts import PART_A
from gan_jax.config import Setting
from gan_jax.data import ImageDataset
from gan_jax.figures import RUN_COLOURS
from gan_jax.files import save_figure, write_json
from gan_jax.keys import Stream, stream_key
from gan_jax.manifest import provenance
from gan_jax.pixels import to_unit_range
from gan_jax.training import GanState, discriminator_step, generator_step, init_state, train_epoch

LOSSES = ("saturating", "non_saturating")
SEED_OF_DISCRIMINATOR = 1_000_003  # of a key tree apart from that of the generator's run


class Curve(NamedTuple):
    """Against a G frozen after so many epochs, one value an iteration of `iterations`."""

    epochs: int
    iterations: np.ndarray  # int (points,), of D
    norms: dict[str, np.ndarray]  # by loss, float64 (points,), of the gradient that G would receive


def measured_iterations(last: int) -> np.ndarray:
    """0, then about ten a decade up to `last`."""
    return np.unique(np.r_[0, np.rint(np.logspace(0, np.log10(last), 1 + int(10 * np.log10(last)))), last].astype(int))


def _batch(state: GanState, images: Array, setting: Setting) -> Array:
    """Real images for an iteration, drawn with replacement: float32 (batch, 784) in [-1, 1]."""
    key = stream_key(state.key, Stream.EPOCH_ORDER, state.iteration)
    return to_unit_range(images[jax.random.randint(key, (setting.batch_size,), 0, len(images))])


@partial(jax.jit, static_argnames=("setting",))
def _train_discriminator(state: GanState, images: Array, iterations: Array, setting: Setting) -> GanState:
    """So many updates of D alone; the number is not static, so that all stretches are one program."""

    def body(_: Array, state: GanState) -> GanState:
        state, _info = discriminator_step(state, _batch(state, images, setting), jnp.int32(0), setting)
        return state._replace(iteration=state.iteration + 1)

    return lax.fori_loop(0, iterations, body, state)


@partial(jax.jit, static_argnames=("setting",))
def _generator_norm(state: GanState, images: Array, setting: Setting) -> Array:
    """The norm of the gradient that a generator step would take here, float32 ()."""
    return generator_step(state, _batch(state, images, setting), setting)[2]


def frozen_generators(
    images: Array, epochs: Sequence[int], setting: Setting, say: Callable[[str], None]
) -> dict[int, dict]:
    """G's parameters after so many epochs of training with D, by epoch."""
    state = init_state(jax.random.key(PART_A.config.seed), setting)
    frozen = {}
    for epoch in range(1, max(epochs) + 1):
        state, _ = jax.block_until_ready(train_epoch(state, images, setting=setting, discriminator_steps=1))
        say(f"G: epoch {epoch}/{max(epochs)}")
        if epoch in epochs:
            frozen[epoch] = jax.tree.map(jnp.copy, state.generator)  # the next epoch consumes the state
    return frozen


def measure(generator: dict, epochs: int, images: Array, iterations: np.ndarray, setting: Setting) -> Curve:
    """Train a D from scratch against a frozen G and measure G's gradient at the given iterations."""
    state = init_state(jax.random.key(SEED_OF_DISCRIMINATOR), setting)._replace(generator=generator)
    norms: dict[str, list[float]] = {loss: [] for loss in LOSSES}
    for stretch in np.diff(iterations, prepend=0):
        state = _train_discriminator(state, images, jnp.int32(stretch), setting)
        for loss in LOSSES:
            norms[loss].append(float(_generator_norm(state, images, replace(setting, loss=loss))))
    return Curve(epochs, iterations, {loss: np.array(values) for loss, values in norms.items()})


def draw(curves: Sequence[Curve]) -> Figure:
    """Both losses side by side, a line for each frozen G, on logarithmic axes."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, squeeze=False)[0]
    for axis, loss, formula in zip(panels, LOSSES, ("log(1 - D(G(z)))", "-log D(G(z))"), strict=True):
        for curve, colour in zip(curves, RUN_COLOURS, strict=False):
            axis.plot(curve.iterations, np.where(curve.norms[loss] > 0, curve.norms[loss], np.nan), color=colour,
                      label=f"after {curve.epochs} epoch{'s' if curve.epochs > 1 else ''}")  # fmt: skip
        axis.set(title=f"G minimises {formula}", yscale="log", xlabel="iterations of D from scratch")
        axis.set_xscale("symlog", linthresh=1)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("norm of the gradient that reaches G")
    panels[0].legend(title="G frozen", frameon=False)
    return figure


def orders_lost(curve: Curve, loss: str) -> float:
    """Orders of magnitude from the norm's greatest value to the least after it that is not 0.

    At first it may rise: a D that has not learnt anything passes little on.
    """
    norms = curve.norms[loss]
    after = norms[np.argmax(norms) :]
    return float(np.log10(after[0] / after[after > 0].min(initial=after[0]))) if after[0] > 0 else 0.0


def saturation(
    dataset: ImageDataset,
    out: Path,
    epochs: Sequence[int],
    iterations: int,
    setting: Setting,
    say: Callable[[str], None],
) -> None:
    """Run the experiment, tell how it goes and what was found, and write saturation.json and saturation.png into `out`.

    Both files are written anew with every curve, so that a long experiment that is stopped leaves those it has.
    """
    setting.require_batch(len(dataset.train_images))
    images = jax.device_put(dataset.train_images)
    points = measured_iterations(iterations)
    frozen = frozen_generators(images, epochs, setting, say)
    curves: list[Curve] = []
    for epoch in epochs:
        curve = measure(frozen[epoch], epoch, images, points, setting)
        curves.append(curve)
        write_json(out / "saturation.json", _record(curves, dataset))
        save_figure(out / "saturation.png", draw(curves))
        say(
            f"G frozen after epoch {epoch}: in {iterations} iterations of D its gradient falls by "
            f"{_fall(curve, 'saturating')} orders of magnitude under log(1 - D), "
            f"by {_fall(curve, 'non_saturating')} under -log D"
        )


def _fall(curve: Curve, loss: str) -> str:
    """In words; a gradient of 0 has no logarithm."""
    return f"{'more than ' if 0 in curve.norms[loss] else ''}{orders_lost(curve, loss):.1f}"


def _record(curves: Sequence[Curve], dataset: ImageDataset) -> dict[str, Any]:
    return {
        "provenance": provenance() | {"data_sha256": dataset.sha256()},
        "curves": [
            {
                "generator_epochs": curve.epochs,
                "iterations": curve.iterations.tolist(),
                "gradient_norm": {loss: values.tolist() for loss, values in curve.norms.items()},
                "orders_lost": {loss: orders_lost(curve, loss) for loss in LOSSES},
            }
            for curve in curves
        ],
    }
