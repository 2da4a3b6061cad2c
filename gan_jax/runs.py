"""The host loop: configurations become runs' folders, each from its last checkpoint on if there is one."""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax import checkpoints, figures, run_figures
from gan_jax.config import Config
from gan_jax.data import ImageDataset
from gan_jax.errors import UserError
from gan_jax.evaluation import Reference, collapse_warnings, columns, evaluate, summary
from gan_jax.keys import Stream
from gan_jax.manifest import provenance
from gan_jax.run_folder import Row, RunFolder
from gan_jax.training import (
    GanState,
    StepInfo,
    generate,
    init_state,
    latents_of,
    train_epoch,
    train_epoch_of_seeds,
)

SAMPLE_COUNT = 64
COMPARISON = ("comparison.png", "comparison.csv", "comparison.md")  # with other runs, by the command line
GRID_EPOCHS = (1, 50, 100)  # drawn whatever `samples_every` says: the homework asks for them


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How runs are kept and shown: nothing here changes what is trained."""

    checkpoint_every: int = 10
    samples_every: int = 1
    evaluate_every: int = 0  # 0: after the last epoch alone
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name, least in (("checkpoint_every", 1), ("samples_every", 1), ("evaluate_every", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name.replace('_', ' ')} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True)
class Listener:
    """What a run tells while it goes."""

    say: Callable[[str], None]  # a line of text
    start: Callable[[Config, int], None]  # training begins, with so many epochs behind it
    epoch: Callable[[Row], None]  # an epoch's row of metrics, when it is finished


class Source:
    """The images, and what samples are compared with: made when first asked for, and once."""

    def __init__(self, load: Callable[[], ImageDataset], refer: Callable[[ImageDataset], Reference]):
        self._load, self._refer = load, refer

    @cached_property
    def dataset(self) -> ImageDataset:
        return self._load()

    @cached_property
    def reference(self) -> Reference:
        return self._refer(self.dataset)


@dataclass
class _Run:
    """A run while it is trained: where it is kept, what it is, and how far it has come."""

    folder: RunFolder
    config: Config
    state: GanState
    rows: list[Row]
    manifest: dict[str, Any]


def train(
    configs: Sequence[Config], source: Source, out: Path, habits: Habits, listener: Listener, *, together: bool
) -> list[RunFolder]:
    """Train runs that differ in name and seed alone, or what is left of them, in `out/name` each.

    Args:
        configs: what the runs are.
        source: gives the images, if there is something to train.
        out: the folder of runs, made if missing.
        habits: how they are kept.
        listener: what to tell.
        together: all in one vectorised program, as suits an accelerator, rather than one after another, where each
            seed gives the bits that it gives alone.

    Raises:
        UserError: if a folder belongs to another run or cannot be written, or the data do not fit. No file has
            been changed then, unless writing failed half way through a run.
    """
    folders = [RunFolder(out / config.name) for config in configs]
    left = []
    for folder, config in zip(folders, configs, strict=True):
        _require_ours(folder)
        if not habits.overwrite:
            _require_same_run(folder, config)
            if folder.read_manifest().get("epochs") == config.epochs:
                listener.say(f"{folder.path} is finished at epoch {config.epochs}; --overwrite trains it again")
                continue
        left.append((folder, config))
    if not left:
        return folders
    size, batch_size = len(source.dataset.train_images), configs[0].setting.batch_size
    if size < batch_size:
        raise UserError(f"the batch size {batch_size} is larger than the {size} training images")
    data = source.dataset.sha256()
    for folder, _ in left:
        if not habits.overwrite and folder.read_manifest().get("data_sha256", data) != data:
            raise UserError(f"{folder.path} was trained on other data: choose another --name, or --overwrite it")
    try:
        with contextlib.ExitStack() as locks:
            for folder, _ in left:
                locks.enter_context(folder.locked())
            if habits.overwrite:
                for folder, _ in left:
                    _remove(folder)
            for group in [left] if together else [[job] for job in left]:
                _train(_open(group, data, listener), source, habits, listener)
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error
    return folders


def _require_ours(folder: RunFolder) -> None:
    """Refuse a path that holds anything but a run."""
    path = folder.path
    if folder.read_config() is not None or not path.exists():
        return
    if not path.is_dir() or any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise UserError(f"{path} exists and is not a run's folder: choose another --name or --out")


def _require_same_run(folder: RunFolder, config: Config) -> None:
    """Refuse a folder whose run is another one; the same run with more epochs is its continuation."""
    existing = folder.read_config()
    if existing is None:
        return
    epochs = len(folder.read_rows())
    if config.epochs < epochs:
        raise UserError(f"{folder.path} has {epochs} epochs behind it: ask for as many, or choose another --name")
    if replace(existing, epochs=config.epochs) != config:
        there, here = (run.to_json() | run.to_json()["setting"] for run in (existing, config))
        name = next(name for name in there if there[name] != here[name] and name != "setting")
        raise UserError(
            f"{folder.path} belongs to another configuration ({name} is {there[name]} there, {here[name]} here): "
            "choose another --name or --out, or --overwrite it"
        )


def _open(jobs: list[tuple[RunFolder, Config]], data: str, listener: Listener) -> list[_Run]:
    """Runs at the last checkpoint that all of them have, or at their start; `data` is the digest of the images."""
    runs = [_resume(folder, config, data, listener) for folder, config in jobs]
    common = min(len(run.rows) for run in runs)
    if any(len(run.rows) != common for run in runs):  # killed between two seeds' checkpoints
        runs = [_resume(folder, config, data, listener, common) for folder, config in jobs]
    if any(len(run.rows) != common for run in runs):
        raise UserError("these seeds have no checkpoint in common to go on from together: --overwrite them")
    for run in runs:
        if run.rows:
            run.manifest["resumed_after_epochs"].append(common)
            listener.say(f"{run.folder.path}: resuming after epoch {common}")
        run.folder.write_config(run.config)
        run.folder.write_manifest(run.manifest)
    return runs


def _resume(folder: RunFolder, config: Config, data: str, listener: Listener, no_later_than: int | None = None) -> _Run:
    """A run at its last checkpoint up to an epoch, or at its start; nothing is written."""
    resumed = folder.read_manifest().get("resumed_after_epochs", [])
    manifest = provenance() | {"seed": config.seed, "data_sha256": data, "resumed_after_epochs": resumed}
    state = init_state(jax.random.key(config.seed), config.setting)
    restored, warnings = checkpoints.load_newest(folder.checkpoints, state, no_later_than)
    for warning in warnings:
        listener.say(f"warning: {warning}")
    state = state if restored is None else restored
    epoch = int(state.epoch)
    rows = folder.read_rows()[:epoch]
    if len(rows) < epoch:
        path = folder.path / "metrics.csv"
        raise UserError(f"{path} ends before the checkpoint's epoch {epoch}: --overwrite the run")
    # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
    return _Run(folder, config, jax.device_put(state, jax.devices()[0]), rows, manifest)


def _remove(folder: RunFolder) -> None:
    """Remove what a run leaves, and nothing that someone else put beside it."""
    # The manifest first: what says that the run is finished must not outlast what it speaks of.
    for name in ("manifest.json", "metrics.csv", *run_figures.NAMES, *COMPARISON):
        (folder.path / name).unlink(missing_ok=True)
    for path in (folder.checkpoints, folder.samples):
        shutil.rmtree(path, ignore_errors=True)


def _train(group: list[_Run], source: Source, habits: Habits, listener: Listener) -> None:
    """Train runs of one setting in step, from the epoch that all have reached to their last."""
    epochs = group[0].config.epochs
    images = jax.device_put(source.dataset.train_images, jax.devices()[0])
    listener.start(group[0].config, len(group[0].rows))
    for epoch in range(len(group[0].rows) + 1, epochs + 1):
        _train_epoch(group, images, epoch)
        last = epoch == epochs
        for run in group:
            if last or (habits.evaluate_every and epoch % habits.evaluate_every == 0):
                _evaluate(run, source.reference, listener)
            if last or epoch % habits.samples_every == 0 or epoch in GRID_EPOCHS:
                latents = latents_of(run.state.key, Stream.SAMPLES, SAMPLE_COUNT)
                samples = generate(run.state.generator, latents, setting=run.config.setting)
                run.folder.write_sample(epoch, figures.grid(np.asarray(samples)))
            run.folder.write_rows(run.rows)
            if last or epoch % habits.checkpoint_every == 0:
                checkpoints.save(run.folder.checkpoints, run.state)
            listener.epoch(run.rows[-1])
    for run in group:
        run_figures.draw(run.folder, run.config)
        run.manifest |= {
            "epochs": epochs,
            "training_seconds": round(sum(row["seconds"] for row in run.rows), 1),
            "params_sha256": checkpoints.params_sha256(run.state),
        }
        run.folder.write_manifest(run.manifest)


def _train_epoch(group: list[_Run], images: jax.Array, epoch: int) -> None:
    """One epoch of all runs, and their rows of metrics: means over the iterations, in float64."""
    start = time.perf_counter()
    setting, steps = group[0].config.setting, group[0].config.discriminator_steps.steps(epoch)
    infos: tuple[StepInfo, ...]
    if len(group) == 1:
        state, info = train_epoch(group[0].state, images, setting=setting, discriminator_steps=steps)
        states, infos = (state,), (info,)
    else:
        states, infos = train_epoch_of_seeds(
            tuple(run.state for run in group), images, setting=setting, discriminator_steps=steps
        )
    means = [
        {name: float(np.mean(np.asarray(values), dtype=np.float64)) for name, values in info._asdict().items()}
        for info in infos
    ]
    seconds = round((time.perf_counter() - start) / len(group), 3)
    for run, state, mean in zip(group, states, means, strict=True):
        run.state = state
        run.rows.append({"epoch": epoch, "discriminator_steps": steps, **mean, "seconds": seconds})


def _evaluate(run: _Run, reference: Reference, listener: Listener) -> None:
    """Add the measurements of the run's generator to its last row, and tell them with every sign of collapse."""
    latents = latents_of(run.state.key, Stream.EVALUATION, reference.samples)
    evaluation = evaluate(generate(run.state.generator, latents, setting=run.config.setting), reference)
    run.rows[-1] |= columns(evaluation)
    for line in summary(evaluation):
        listener.say(f"{run.config.name}: {line}")
    for line in collapse_warnings(evaluation.digit_histogram, run.rows[-1]["fake_probability"]):
        listener.say(f"{run.config.name}: warning: {line}")
