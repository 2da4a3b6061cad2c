"""The host loop: configurations become runs' folders, each from its last checkpoint on if there is one.

All of many hosts go through it in step, and compute the same. Host 0 alone has the folders; what it decides, and what
goes wrong on any of them, is told in the exchanges between.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax.config import Config, require_precision
from gan_jax.distributed.collectives import allgather_json, assert_same_on_all, broadcast_from_main, is_main_process
from gan_jax.distributed.sharding import mesh_for, replicate, to_local, tracing_for
from gan_jax.errors import DivergedError, UserError, require
from gan_jax.runs import checkpoints
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.recorder import ModelFns, RunRecorder, TrainerOptions, lock_pending_runs, require_finite
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training import nan_debugging
from gan_jax.training.apply_fns import discriminate, generate
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped
from gan_jax.utils.signals import StoppedError, StopRequest, defer_signals

NEEDED = ("epoch", "discriminator_steps", *StepInfo._fields, "seconds")  # what every row of metrics has


@dataclass
class _Run:
    """A run and its state."""

    config: Config
    state: GanState
    record: RunRecorder | None  # None on the hosts beside host 0


def train(
    configs: Sequence[Config],
    source: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    together: bool,
    devices: int = 1,
) -> list[RunDir]:
    """Train runs that differ in name and seed alone, or what is left of them, in `out/name` each.

    Args:
        configs: what the runs are.
        source: gives the images, if there is something to train.
        out: the folder of runs, made if missing.
        trainer_options: how they are kept.
        callbacks: told how it goes.
        together: all in one vectorised program, as suits an accelerator, rather than one after another, where each
            seed gives the bits that it gives alone. Runs that have begun otherwise go on one after another.
        devices: how many to spread the batch over, or the seeds where they are trained together.

    Raises:
        DivergedError: if runs diverged, after the others are trained; those in one program with it stop with it.
        UserError: if a folder belongs to another run or cannot be written, or the data or the devices do not fit. No
            file has been changed then, unless writing failed half way through a run.
        StoppedError: after SIGTERM or Ctrl-C, when the epoch in hand is trained and saved.
    """
    _require_devices(devices, configs, together)
    keeping = contextlib.nullcontext(list[RunRecorder]())
    if is_main_process():
        keeping = lock_pending_runs(
            configs, source, out, trainer_options, callbacks, trainer=JAX, resumes=True, devices=devices
        )
    with keeping as records, defer_signals() as request:
        groups = allgather_json(groups=_groups(configs, records, together))[0]["groups"]
        if groups:
            assert_same_on_all(data=source.dataset.sha256())
        diverged = []
        for indices in groups:
            group = [configs[index] for index in indices]
            try:
                _train(group, records, source, trainer_options, callbacks, request, devices)
                outcome = "was finished"
            except DivergedError as error:
                diverged.append(str(error))
                outcome = "had diverged"
            asked = _asked(allgather_json(signal=request.signal))
            if asked:  # in the last epoch or since: what would follow does not begin
                raise StoppedError(asked, f"stopped when {group[-1].name} {outcome}")
        if diverged:
            raise DivergedError("; ".join(diverged))
    return [RunDir(out / config.name) for config in configs] if is_main_process() else []


def _groups(configs: Sequence[Config], records: Sequence[RunRecorder], together: bool) -> list[list[int]]:
    """Choose the configurations that are left to train, by their places, and those of them for one program."""
    left = [configs.index(record.config) for record in records]
    return [left] if together and left and _began_together(records) else [[index] for index in left]


def _require_devices(devices: int, configs: Sequence[Config], together: bool) -> None:
    """Refuse more devices than there are, what they cannot share or compute, and hosts that were not given the same.

    Raises:
        UserError: on every host the same.
    """
    seeds = [config.seed for config in configs]
    assert_same_on_all(devices=devices, together=together, seeds=seeds, **configs[0].flat())
    there, hosts = jax.device_count(), jax.process_count()
    virtual = f"; JAX_NUM_CPU_DEVICES={devices} makes as many of a CPU" if jax.default_backend() == "cpu" else ""
    require(devices >= 1, f"--devices must be at least 1, not {devices}")
    require(devices <= there, f"--devices {devices}: there {'is' if there == 1 else 'are'} {there}{virtual}")
    require_precision(configs[0].hparams, jax.default_backend() == "gpu")
    require(devices % hosts == 0, f"{devices} devices cannot be spread evenly over {hosts} hosts")
    _require_shares(len(configs) if together else 1, configs[0].hparams.batch_size, devices)


def _require_shares(runs: int, batch_size: int, devices: int) -> None:
    """Refuse runs of one program, or a single run's batch, of which devices cannot have equal shares."""
    what = f"{runs} seeds" if runs > 1 else f"a batch of {batch_size}"
    count = runs if runs > 1 else batch_size
    require(count % devices == 0, f"{what} cannot be spread evenly over {devices} devices")


def initial_state(config: Config) -> GanState:
    """A run's state before its first epoch."""
    return init_state(jax.random.key(config.seed), config.hparams)


def _began_together(records: Sequence[RunRecorder]) -> bool:
    """Tell whether these seeds have been trained in one program so far, if at all."""
    seeds = [record.config.seed for record in records]
    begun = [record.folder.read_manifest() for record in records if record.folder.read_rows()]
    return len(seeds) > 1 and all(manifest.get("seeds_together") == seeds for manifest in begun)


def _open(records: Sequence[RunRecorder], callbacks: Callbacks) -> list[_Run]:
    """Runs at the last checkpoint that all of them have, or at their start."""
    runs = [_resume(record, callbacks) for record in records]
    reached = [len(record.rows) for record in records]
    common = min(reached)
    if max(reached) > common:  # killed between two seeds' checkpoints
        runs = [_resume(record, callbacks, common) for record in records]
        callbacks.log(f"of seeds trained together one has only reached epoch {common}: all go on from there")
    if any(len(record.rows) != common for record in records):
        raise UserError("these seeds have no checkpoint in common to go on from together: --overwrite them")
    for record in records:
        if len(records) > 1:
            record.manifest["seeds_together"] = [other.config.seed for other in records]
        if record.rows:
            callbacks.log(f"{record.folder.path}: resuming after epoch {common}")
        elif done := len(record.folder.read_rows()):
            callbacks.log(f"{record.folder.path}: no checkpoint of its {done} epochs: from the start")
        checkpoints.discard_later(record.folder.checkpoints, common)
        record.start()
    return runs


def _resume(record: RunRecorder, callbacks: Callbacks, no_later_than: int | None = None) -> _Run:
    """A run at its last checkpoint up to an epoch, or at its start; nothing is written."""
    state = initial_state(record.config)
    restored, warnings = checkpoints.load_newest(record.folder.checkpoints, state, no_later_than)
    for warning in warnings:
        callbacks.log(f"warning: {warning}")
    if restored is None and warnings:
        raise UserError(f"no checkpoint in {record.folder.checkpoints} is whole: --overwrite trains the run anew")
    state = state if restored is None else restored
    epoch = int(state.epoch)
    record.rows = record.folder.read_rows(NEEDED)[:epoch]
    if len(record.rows) < epoch:
        path = record.folder.path / "metrics.csv"
        raise UserError(f"{path} ends before the checkpoint's epoch {epoch}: --overwrite the run")
    return _Run(record.config, state, record)


def _train(
    configs: Sequence[Config],
    records: Sequence[RunRecorder],
    source: RunData,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    request: StopRequest,
    devices: int,
) -> None:
    """Train runs of one setting in step, from the epoch that all have reached to their last, or until asked to stop.

    Raises:
        DivergedError: on every host, if one of the runs diverged.
        StoppedError: on every host, after a signal to one of them.
    """
    config, mesh = configs[0], mesh_for(devices, len(configs))
    _require_shares(len(configs), config.hparams.batch_size, devices)
    if is_main_process():
        runs = _open([record for record in records if record.config in configs], callbacks)
    else:
        runs = [_Run(config, initial_state(config), None) for config in configs]
    done = int(broadcast_from_main(runs[0].state.epoch))
    for run in runs:
        # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
        run.state = replicate(broadcast_from_main(run.state), mesh)
    images = replicate(source.dataset.train_images, mesh)
    if is_main_process():
        callbacks.on_train_start(config, done, 1 if mesh is None else mesh.size)
    _stop_if_asked(allgather_json(signal=request.signal), config, done)
    for epoch in range(done + 1, config.epochs + 1):
        _train_epoch(runs, images, epoch, mesh, trainer_options, callbacks)
        for run in runs:
            if run.record is not None:
                model_fns = _players(run.state, config)
                run.record.evaluate_and_save(model_fns, source, trainer_options, callbacks)
        told = allgather_json(signal=request.signal)
        for run in runs:
            due = epoch == config.epochs or _asked(told) or epoch % trainer_options.checkpoint_every == 0
            if run.record is not None and due:
                checkpoints.save(run.record.folder.checkpoints, to_local(run.state))
        if is_main_process():
            callbacks.on_epoch_end([run.record.rows[-1] for run in runs if run.record is not None])
        allgather_json()  # what went wrong in saving is told before the others begin an epoch
        _stop_if_asked(told, config, epoch)
    for run in runs:
        digest = checkpoints.params_sha256(to_local(run.state))
        if run.record is not None:
            run.record.finish(digest)
        else:
            callbacks.log(f"host {jax.process_index()}: {run.config.name}: SHA-256 of the parameters: {digest}")


def _players(state: GanState, config: Config) -> ModelFns:
    """A state's networks as functions of arrays of this process."""
    raw = partial(generate, to_local(state.generator), hparams=config.hparams)
    return ModelFns(
        generate=partial(generate, to_local(state.sampling_params), hparams=config.hparams),
        discriminate=partial(discriminate, to_local(state.discriminator), hparams=config.hparams),
        generate_without_ema=None if state.average is None else raw,
    )


def _asked(told: list[dict[str, Any]]) -> int | None:
    """The signal that has asked one of the hosts to stop."""
    return next((each["signal"] for each in told if each["signal"]), None)


def _stop_if_asked(told: list[dict[str, Any]], config: Config, epoch: int) -> None:
    """Raise StoppedError if a host has told of a signal, and there is something left to do."""
    asked = _asked(told)
    if asked and epoch < config.epochs:
        where = f"after epoch {epoch} of {config.epochs}" if epoch else "before the first epoch"
        raise StoppedError(asked, f"stopped {where}: the same command goes on there")


def _train_epoch(
    runs: Sequence[_Run],
    images: jax.Array,
    epoch: int,
    mesh: Mesh | None,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
) -> None:
    """One epoch of all runs, and their rows of metrics.

    Raises:
        DivergedError: on every host, if what a run reports is not finite; nothing is written then.
    """
    # The epoch consumes the states; the key, which no epoch changes, can be had from those after it.
    kept = [
        jax.tree.map(jnp.copy, to_local(run.state._replace(key=None))) if trainer_options.detect_nans else None
        for run in runs
    ]
    start = time.perf_counter()
    config = runs[0].config
    hparams, steps = config.hparams, config.discriminator_steps.steps(epoch)
    infos: tuple[StepInfo, ...]
    with tracing_for(mesh):
        if len(runs) == 1:
            state, info = train_epoch(runs[0].state, images, hparams=hparams, discriminator_steps=steps)
            states, infos = (state,), (info,)
        else:
            states, infos = train_epoch_vmapped(
                tuple(run.state for run in runs), images, hparams=hparams, discriminator_steps=steps
            )
    reports = [{name: np.asarray(values) for name, values in info._asdict().items()} for info in infos]
    seconds = (time.perf_counter() - start) / len(runs)  # the reports are there, and so the epoch is over
    for run, state, report, before in zip(runs, states, reports, kept, strict=True):
        run.state = state
        try:
            if run.record is None:
                require_finite(run.config.name, epoch, report)
            else:
                run.record.log_epoch(steps, report, seconds)
        except DivergedError:
            lines = ["the same command with --detect-nans finds the operation"]
            if before is not None:
                lines = nan_debugging.locate_nonfinite_op(
                    before._replace(key=to_local(state.key)), to_local(images), hparams, steps
                )
            for line in lines if is_main_process() else []:
                callbacks.log(f"{run.config.name}: epoch {epoch}: {line}")
            raise
