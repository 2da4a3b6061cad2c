"""The host loop: a configuration becomes a run's folder, from its last checkpoint on if there is one."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from gan_jax import checkpoints, figures
from gan_jax.config import Config
from gan_jax.data import ImageDataset
from gan_jax.errors import UserError
from gan_jax.files import replacing, save_figure
from gan_jax.manifest import provenance
from gan_jax.run_folder import Row, RunFolder
from gan_jax.training import GanState, generate, init_state, sample_latents, train_epoch

SAMPLE_COUNT = 64
GRID_EPOCHS = (1, 50, 100)  # drawn whatever `samples_every` says: the homework asks for them
FRAMES_PER_SECOND = 8
GREYS = 16  # of the animation: a third of the size that 256 give, and hard to tell from them


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a run is kept and shown: nothing here changes what is trained."""

    checkpoint_every: int = 10
    samples_every: int = 1
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "samples_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name.replace('_', ' ')} must be at least 1 epoch, not {getattr(self, name)}")


@dataclass(frozen=True)
class Listener:
    """What a run tells while it goes."""

    say: Callable[[str], None]  # a line of text
    start: Callable[[Config, int], None]  # training begins, with so many epochs behind it
    epoch: Callable[[Row], None]  # an epoch's row of metrics, when it is finished


def train(config: Config, load: Callable[[], ImageDataset], out: Path, habits: Habits, listener: Listener) -> RunFolder:
    """Train the run, or the rest of it, in `out/name`.

    Args:
        config: what the run is.
        load: gives the images; called only if there is something to train.
        out: the folder of runs, made if missing.
        habits: how it is kept.
        listener: what to tell.

    Raises:
        UserError: if the folder belongs to another run or cannot be written, or the data do not fit. No file has
            been changed then, unless writing failed half way through the run.
    """
    folder = RunFolder(out / config.name)
    _require_ours(folder)
    if not habits.overwrite:
        _require_same_run(folder, config)
        if folder.read_manifest().get("epochs") == config.epochs:
            listener.say(f"{folder.path} is finished at epoch {config.epochs}; --overwrite trains it again")
            return folder
    dataset = load()
    size, batch_size = len(dataset.train_images), config.setting.batch_size
    if size < batch_size:
        raise UserError(f"the batch size {batch_size} is larger than the {size} training images")
    try:
        if habits.overwrite:
            _remove(folder)
        _train(folder, config, dataset, habits, listener)
        draw(folder, config)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or folder.path}: {error.strerror or error}") from error
    return folder


def _require_ours(folder: RunFolder) -> None:
    """Refuse a path that holds anything but a run."""
    path = folder.path
    if folder.read_config() is None and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and is not a run's folder: choose another --name or --out")


def _require_same_run(folder: RunFolder, config: Config) -> None:
    """Refuse a folder whose run is another one; the same run with more epochs is its continuation."""
    existing = folder.read_config()
    if existing is None:
        return
    epochs = len(folder.read_rows())
    if config.epochs < epochs or replace(existing, epochs=config.epochs) != config:
        there, here = (run.to_json() | run.to_json()["setting"] for run in (existing, config))
        name = next(name for name in there if there[name] != here[name] and name != "setting")
        raise UserError(
            f"{folder.path} belongs to another configuration ({name} is {there[name]} there, {here[name]} here): "
            "choose another --name or --out, or --overwrite it"
        )


def _remove(folder: RunFolder) -> None:
    """Remove what a run leaves, and nothing that someone else put beside it."""
    for path in (folder.checkpoints, folder.samples):
        shutil.rmtree(path, ignore_errors=True)
    for name in ("manifest.json", "metrics.csv", "config.json", *_FIGURES):
        (folder.path / name).unlink(missing_ok=True)


def _train(folder: RunFolder, config: Config, dataset: ImageDataset, habits: Habits, listener: Listener) -> None:
    manifest = provenance() | {"seed": config.seed, "data_sha256": dataset.sha256(), "resumed_after_epochs": []}
    state = init_state(jax.random.key(config.seed), config.setting)
    state, rows = _resume(folder, state, manifest, listener)
    folder.write_config(config)
    folder.write_manifest(manifest)
    # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
    state, images = jax.device_put((state, dataset.train_images), jax.devices()[0])
    latents = sample_latents(state.key, SAMPLE_COUNT)
    listener.start(config, len(rows))
    for epoch in range(len(rows) + 1, config.epochs + 1):
        state, row = _train_epoch(state, images, config, epoch)
        rows.append(row)
        folder.write_rows(rows)
        last = epoch == config.epochs
        if last or epoch % habits.samples_every == 0 or epoch in GRID_EPOCHS:
            samples = generate(state.generator, latents, setting=config.setting)
            _save_image(folder.sample(epoch), figures.grid(np.asarray(samples)))
        if last or epoch % habits.checkpoint_every == 0:
            checkpoints.save(folder.checkpoints, state)
        listener.epoch(row)
    manifest |= {
        "epochs": config.epochs,
        "training_seconds": round(sum(row["seconds"] for row in rows), 1),
        "params_sha256": checkpoints.params_sha256(state),
    }
    folder.write_manifest(manifest)


def _resume(
    folder: RunFolder, initial: GanState, manifest: dict[str, Any], listener: Listener
) -> tuple[GanState, list[Row]]:
    """The state to go on from and the rows of metrics up to it; adds to the manifest where the run was taken up."""
    previous = folder.read_manifest()
    if previous and previous.get("data_sha256") != manifest["data_sha256"]:
        raise UserError(f"{folder.path} was trained on other data: choose another --name or --out, or --overwrite it")
    state, warnings = checkpoints.load_newest(folder.checkpoints, initial)
    for warning in warnings:
        listener.say(f"warning: {warning}")
    if state is None:
        return initial, []
    epoch = int(state.epoch)
    rows = folder.read_rows()[:epoch]
    if len(rows) < epoch:
        path = folder.path / "metrics.csv"
        raise UserError(f"{path} ends before the checkpoint's epoch {epoch}: --overwrite the run")
    manifest["resumed_after_epochs"] = [*previous.get("resumed_after_epochs", []), epoch]
    listener.say(f"{folder.path}: resuming after epoch {epoch}")
    return state, rows


def _train_epoch(state: GanState, images: jax.Array, config: Config, epoch: int) -> tuple[GanState, Row]:
    """One epoch, and its row of metrics: means over the iterations, in float64."""
    start = time.perf_counter()
    steps = config.discriminator_steps.steps(epoch)
    state, infos = train_epoch(state, images, setting=config.setting, discriminator_steps=steps)
    means = {name: float(np.mean(np.asarray(values), dtype=np.float64)) for name, values in infos._asdict().items()}
    seconds = round(time.perf_counter() - start, 3)
    return state, {"epoch": epoch, "discriminator_steps": steps, **means, "seconds": seconds}


def _save_image(path: Path, pixels: np.ndarray) -> None:
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary)


def read_image(path: Path) -> np.ndarray:
    """A grey image, uint8 (height, width). Raises UserError if there is none."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror or error}") from error


_FIGURES = ("learning_curve.png", "diagnostics.png", "samples.gif", "comparison.png")


def draw(folder: RunFolder, config: Config) -> None:
    """Draw a run's own figures from what its folder holds."""
    metrics = folder.read_metrics()
    title = f"{config.name}: {config.setting.loss.replace('_', '-')} loss, {config.dataset}, seed {config.seed}"
    curve = figures.learning_curve(metrics, title, saturating=config.setting.loss == "saturating")
    save_figure(folder.path / "learning_curve.png", curve)
    save_figure(folder.path / "diagnostics.png", figures.diagnostics(metrics, title))
    epochs = folder.sampled_epochs()
    frames = figures.labelled_frames([read_image(folder.sample(epoch)) for epoch in epochs], epochs)
    first, *rest = (Image.fromarray(frame).quantize(GREYS) for frame in frames)
    durations = [1000 // FRAMES_PER_SECOND] * len(rest) + [2000]  # the last frame stays a while
    with replacing(folder.path / "samples.gif") as temporary:
        first.save(temporary, save_all=True, append_images=rest, duration=durations, loop=0)
