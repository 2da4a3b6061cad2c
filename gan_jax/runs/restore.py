"""Runs as they are opened for training: at the newest checkpoint that all of a group have, or at their start."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax

from gan_jax.config import Config
from gan_jax.errors import require
from gan_jax.runs import checkpoints
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.recorder import RunRecorder
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.state import GanState, init_state
from gan_jax.utils.interface import option
from gan_jax.utils.text import count_of

REQUIRED_COLUMNS = ("epoch", "discriminator_steps", *StepInfo._fields, "seconds")  # of every row of metrics


@dataclass
class ActiveRun:
    """Run in training, with its state."""

    config: Config
    state: GanState
    recorder: RunRecorder | None  # None on the processes that have no run directories


def initial_state(config: Config) -> GanState:
    """Return a run's state before its first epoch."""
    return init_state(jax.random.key(config.seed), config.hparams)


def can_train_together(recorders: Sequence[RunRecorder]) -> bool:
    """Tell whether these seeds can share one program: those that have begun were trained with just these others."""
    seeds = [recorder.config.seed for recorder in recorders]
    begun = [recorder.folder.read_manifest() for recorder in recorders if recorder.folder.read_rows()]
    return len(seeds) > 1 and all(manifest.get("seeds_together") == seeds for manifest in begun)


def open_runs(recorders: Sequence[RunRecorder], callbacks: Callbacks) -> list[ActiveRun]:
    """Open runs at the newest checkpoint that all of them have, or before their first epoch, and start their recorders.

    Raises:
        UserError: if a run's checkpoints are all corrupt or lack their metrics, or the runs have no epoch in common.
    """
    runs = [_restore(recorder, callbacks) for recorder in recorders]
    epochs = [len(recorder.rows) for recorder in recorders]
    common = min(epochs)
    if max(epochs) > common:  # killed between two seeds' checkpoints
        runs = [_restore(recorder, callbacks, common) for recorder in recorders]
        callbacks.log(f"one of the seeds trained together has only reached epoch {common}: all resume from there")
    agree = all(len(recorder.rows) == common for recorder in recorders)
    require(agree, f"these seeds have no checkpoint in common to resume from together: {_remedy()}")
    for recorder in recorders:
        if len(recorders) > 1:
            recorder.manifest["seeds_together"] = [other.config.seed for other in recorders]
        if recorder.rows:
            callbacks.log(f"{recorder.folder.path}: resuming after epoch {common}")
        elif done := len(recorder.folder.read_rows()):
            callbacks.log(
                f"{recorder.folder.path}: no checkpoint of its {count_of(done, 'epoch')}: training from scratch"
            )
        checkpoints.delete_after(recorder.folder.checkpoints, common)
        recorder.start()
    return runs


def _remedy() -> str:
    return f"rerun with {option('overwrite')}, which retrains from scratch"


def _restore(recorder: RunRecorder, callbacks: Callbacks, no_later_than: int | None = None) -> ActiveRun:
    """Read a run at its newest checkpoint, up to an epoch, or at its start; nothing is written."""
    state = initial_state(recorder.config)
    restored, warnings = checkpoints.load_newest(recorder.folder.checkpoints, state, no_later_than)
    for warning in warnings:
        callbacks.log(f"warning: {warning}")
    intact = restored is not None or not warnings
    require(intact, f"all checkpoints in {recorder.folder.checkpoints} are corrupt: {_remedy()}")
    state = state if restored is None else restored
    epoch = int(state.epoch)
    recorder.rows = recorder.folder.read_rows(REQUIRED_COLUMNS)[:epoch]
    path = recorder.folder.path / "metrics.csv"
    require(len(recorder.rows) == epoch, f"{path} ends before the checkpoint's epoch {epoch}: {_remedy()}")
    return ActiveRun(recorder.config, state, recorder)
