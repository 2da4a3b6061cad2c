"""Ownership of run directories: which of them a trainer may write to, locked while it does."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax

from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.config import Config
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import UserError, require
from gan_jax.evaluation.own_metrics import measure_own
from gan_jax.evaluation.prdc import NEIGHBORS
from gan_jax.runs import run_figures
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.plugins import manifest_entries, require_same_plugins
from gan_jax.runs.provenance import provenance
from gan_jax.runs.recorder import RunRecorder
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.runs.tensorboard import EventWriter
from gan_jax.utils.interface import on_command_line, option
from gan_jax.utils.processor import lacks_bfloat16
from gan_jax.utils.text import count_of

COMPARISON_FILES = ("comparison.png", "comparison.csv", "comparison.md")  # with other runs, by the command line

TRIED_IMAGES = 1000  # real images that the user's own metrics are tried with before training


@contextlib.contextmanager
def lock_pending_runs(
    configs: Sequence[Config],
    run_data: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    trainer: str,
    resumes: bool,
    devices: int = 1,
) -> Iterator[list[RunRecorder]]:
    """Yield recorders of the unfinished runs, their directories checked and locked until the block ends.

    Args:
        configs, run_data, out, trainer_options, callbacks: as in `gan_jax.runs.trainer.train`.
        trainer: the trainer's name; no other trainer may resume its runs.
        resumes: True if the trainer can resume a run.
        devices: the number of devices that it computes on.

    Raises:
        UserError: if a directory belongs to another run, the data do not fit, or, also within the block, writing fails.
    """
    pending = partial(_pending, out=out, overwrite=trainer_options.overwrite, trainer=trainer, resumes=resumes)
    if not pending(configs, callbacks.log):
        yield []
        return
    _require_enough_images(run_data.dataset, configs[0])
    if configs[0].hparams.stacked_digits == 1:
        measure_own(to_unit_range(run_data.dataset.train_images[:TRIED_IMAGES]), OWN_METRICS)  # before any file
    if configs[0].hparams.precision == "bfloat16" and jax.default_backend() == "cpu" and lacks_bfloat16():
        callbacks.log("warning: this processor has no instructions for bfloat16: float32 is faster here")
    data_sha256 = run_data.dataset.sha256()
    for config in () if trainer_options.overwrite else configs:
        _require_same_data(RunDir(out / config.name), data_sha256, run_data.classifier_sha256)
    try:
        with contextlib.ExitStack() as stack:
            # Checked again with the locks held: another process may have finished one of the runs in between.
            unfinished = pending(configs, lambda _: None)
            locks = {config: stack.enter_context(folder.locked()) for folder, config in unfinished}
            owned = pending(list(locks), callbacks.log)
            if trainer_options.overwrite:
                for folder, _ in owned:
                    _remove(folder)
            for folder, _ in owned:
                if not trainer_options.overwrite and folder.is_unbegun():
                    callbacks.log(f"{folder.path} has no completed epoch: the run starts afresh")
            manifest = (
                provenance()
                | {
                    "device_count": devices,
                    "trainer": trainer,
                    "data_sha256": data_sha256,
                    "classifier_sha256": run_data.classifier_sha256,
                }
                | ({"plugins": entries} if (entries := manifest_entries()) else {})
            )
            recorders = [
                RunRecorder(folder, config, manifest | {"seed": config.seed}, locks[config]) for folder, config in owned
            ]
            if trainer_options.tensorboard:
                for recorder in recorders:
                    recorder.events = stack.enter_context(contextlib.closing(EventWriter(recorder.folder.events)))
            yield recorders
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error


def _pending(
    configs: Sequence[Config], log: Callable[[str], None], *, out: Path, overwrite: bool, trainer: str, resumes: bool
) -> list[tuple[RunDir, Config]]:
    """List the unfinished runs, after checking the directories of all of them."""
    pending = []
    for config in configs:
        folder = RunDir(out / config.name)
        fresh = not overwrite and folder.is_unbegun()
        if not fresh:
            _require_run_dir(folder, overwrite)
        if not (overwrite or fresh):
            require_same_config(folder, config, trainer)
            _require_same_plugins(folder)
            if folder.read_manifest().get("epochs") == config.epochs:
                done = f"{folder.path} is already finished ({count_of(config.epochs, 'epoch')})"
                log(f"{done}: skipped; {option('overwrite')} retrains from scratch")
                continue
            can_train = resumes or not folder.read_rows()
            require(can_train, f"{folder.path} is unfinished, and {trainer} cannot resume it: {_overwrite()}")
        pending.append((folder, config))
    return pending


def _require_enough_images(dataset: ImageDataset, config: Config) -> None:
    """Refuse data that do not fill a batch, or are too few to evaluate samples with."""
    config.hparams.require_batch(len(dataset.train_images))
    for images, kind in ((dataset.train_images, "training"), (dataset.test_images, "test")):
        enough = len(images) > NEIGHBORS
        require(enough, f"only {len(images)} {kind} images; evaluation needs at least {NEIGHBORS + 1}")


def _require_same_data(folder: RunDir, data_sha256: str, classifier_sha256: str | None) -> None:
    """Refuse to resume a run with other images or another classifier than it began with."""
    path, manifest = folder.path, {} if folder.is_unbegun() else folder.read_manifest()
    same = manifest.get("data_sha256", data_sha256) == data_sha256
    require(same, f"{path} was trained on different data: choose another {option('name')}, or {_overwrite()}")
    same = manifest.get("classifier_sha256", classifier_sha256) == classifier_sha256
    classifier = "--classifier: pass that one" if on_command_line() else "classifier"
    require(same, f"{path} was evaluated with another {classifier}, or {_overwrite()}")


def _require_same_plugins(folder: RunDir) -> None:
    """Refuse to continue or to keep a run that was trained with other plugins than those loaded."""
    if folder.read_config() is not None:
        require_same_plugins(folder.path, folder.read_manifest())


def _require_run_dir(folder: RunDir, overwrite: bool) -> None:
    """Refuse a path that holds anything but a run; a run that is to be overwritten may be a damaged one."""
    path = folder.path
    is_run = (path / "config.json").is_file() if overwrite else folder.read_config() is not None
    if is_run or not path.exists():
        return
    empty = path.is_dir() and all(entry.name.startswith(".") for entry in path.iterdir())
    require(empty, f"{path} exists and is not a run directory: choose another {option('name')} or {option('out')}")


def require_same_config(folder: RunDir, config: Config, trainer: str) -> None:
    """Raise UserError if the directory holds another run; the same run with more epochs is its continuation.

    A run of which nothing was trained, as after a mistake in a plugin, does not hold the directory.
    """
    existing = None if folder.is_unbegun() else folder.read_config()
    if existing is None:
        return
    there = folder.read_manifest().get("trainer", JAX)  # earlier versions did not record it
    remedy = f"choose another {option('name')} or {option('out')}, or {_overwrite()}"
    require(there == trainer, f"{folder.path} was trained by {there}: {remedy}")
    if replace(existing, epochs=config.epochs) != config:
        there, here = existing.flat(), config.flat() | {"epochs": existing.epochs}
        name = next(name for name in there if there[name] != here[name])
        difference = f"{name}: {there[name]} in the run, {here[name]} now"
        raise UserError(f"{folder.path} was trained with a different configuration ({difference}): {remedy}")
    done = len(folder.read_rows())
    require(
        config.epochs >= done,
        f"{folder.path} already has {count_of(done, 'epoch')}: raise {option('epochs')}, or {_overwrite()}",
    )


def _overwrite() -> str:
    return f"rerun with {option('overwrite')}, which deletes it"


def _remove(folder: RunDir) -> None:
    """Remove what a run leaves, and nothing that someone else put beside it."""
    # The manifest first: it says that the run is finished, and must not outlast the rest.
    for name in ("manifest.json", "metrics.csv", *run_figures.NAMES, *COMPARISON_FILES):
        (folder.path / name).unlink(missing_ok=True)
    for path in (folder.checkpoints, folder.samples, folder.events):
        shutil.rmtree(path, ignore_errors=True)
