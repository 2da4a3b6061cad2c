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

from gan_jax import checkpoints, nans
from gan_jax.config import Config, require, require_precision
from gan_jax.errors import DivergedError, UserError
from gan_jax.exchange import exchange, from_host_0, leads, require_alike
from gan_jax.interrupts import Request, StoppedError, deferred
from gan_jax.keeping import Habits, Players, Record, require_finite, unfinished
from gan_jax.listener import Listener
from gan_jax.players import GanState, init_state
from gan_jax.run_folder import JAX, RunFolder
from gan_jax.sharding import local, mesh_for, place, tracing_for
from gan_jax.source import Source
from gan_jax.training import StepInfo, generate, judge, train_epoch, train_epoch_of_seeds

NEEDED = ("epoch", "discriminator_steps", *StepInfo._fields, "seconds")  # what every row of metrics has


@dataclass
class _Run:
    """A run and its state."""

    config: Config
    state: GanState
    record: Record | None  # None on the hosts beside host 0


def train(
    configs: Sequence[Config],
    source: Source,
    out: Path,
    habits: Habits,
    listener: Listener,
    *,
    together: bool,
    devices: int = 1,
) -> list[RunFolder]:
    """Train runs that differ in name and seed alone, or what is left of them, in `out/name` each.

    Args:
        configs: what the runs are.
        source: gives the images, if there is something to train.
        out: the folder of runs, made if missing.
        habits: how they are kept.
        listener: what to tell.
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
    keeping = contextlib.nullcontext(list[Record]())
    if leads():
        keeping = unfinished(configs, source, out, habits, listener, trainer=JAX, resumes=True, devices=devices)
    with keeping as records, deferred() as request:
        groups = exchange(groups=_groups(configs, records, together))[0]["groups"]
        if groups:
            require_alike(data=source.dataset.sha256())
        diverged = []
        for indices in groups:
            group = [configs[index] for index in indices]
            try:
                _train(group, records, source, habits, listener, request, devices)
                outcome = "was finished"
            except DivergedError as error:
                diverged.append(str(error))
                outcome = "had diverged"
            asked = _asked(exchange(signal=request.signal))
            if asked:  # in the last epoch or since: what would follow does not begin
                raise StoppedError(asked, f"stopped when {group[-1].name} {outcome}")
        if diverged:
            raise DivergedError("; ".join(diverged))
    return [RunFolder(out / config.name) for config in configs] if leads() else []


def _groups(configs: Sequence[Config], records: Sequence[Record], together: bool) -> list[list[int]]:
    """Which of the configurations, by their places, are left to train, and which of those in one program."""
    left = [configs.index(record.config) for record in records]
    return [left] if together and left and _began_together(records) else [[index] for index in left]


def _require_devices(devices: int, configs: Sequence[Config], together: bool) -> None:
    """Refuse more devices than there are, what they cannot share or compute, and hosts that were not given the same.

    Raises:
        UserError: on every host the same.
    """
    seeds = [config.seed for config in configs]
    require_alike(devices=devices, together=together, seeds=seeds, **configs[0].flat())
    there, hosts = jax.device_count(), jax.process_count()
    virtual = f"; JAX_NUM_CPU_DEVICES={devices} makes as many of a CPU" if jax.default_backend() == "cpu" else ""
    require(devices >= 1, f"--devices must be at least 1, not {devices}")
    require(devices <= there, f"--devices {devices}: there {'is' if there == 1 else 'are'} {there}{virtual}")
    require_precision(configs[0].setting, jax.default_backend() == "gpu")
    require(devices % hosts == 0, f"{devices} devices cannot be spread evenly over {hosts} hosts")
    _require_shares(len(configs) if together else 1, configs[0].setting.batch_size, devices)


def _require_shares(runs: int, batch_size: int, devices: int) -> None:
    """Refuse runs of one program, or a single run's batch, of which devices cannot have equal shares."""
    what = f"{runs} seeds" if runs > 1 else f"a batch of {batch_size}"
    count = runs if runs > 1 else batch_size
    require(count % devices == 0, f"{what} cannot be spread evenly over {devices} devices")


def initial_state(config: Config) -> GanState:
    """A run's state before its first epoch."""
    return init_state(jax.random.key(config.seed), config.setting)


def _began_together(records: Sequence[Record]) -> bool:
    """Whether these seeds have been trained in one program so far, if at all."""
    seeds = [record.config.seed for record in records]
    begun = [record.folder.read_manifest() for record in records if record.folder.read_rows()]
    return len(seeds) > 1 and all(manifest.get("seeds_together") == seeds for manifest in begun)


def _open(records: Sequence[Record], listener: Listener) -> list[_Run]:
    """Runs at the last checkpoint that all of them have, or at their start."""
    runs = [_resume(record, listener) for record in records]
    reached = [len(record.rows) for record in records]
    common = min(reached)
    if max(reached) > common:  # killed between two seeds' checkpoints
        runs = [_resume(record, listener, common) for record in records]
        listener.say(f"of seeds trained together one has only reached epoch {common}: all go on from there")
    if any(len(record.rows) != common for record in records):
        raise UserError("these seeds have no checkpoint in common to go on from together: --overwrite them")
    for record in records:
        if len(records) > 1:
            record.manifest["seeds_together"] = [other.config.seed for other in records]
        if record.rows:
            listener.say(f"{record.folder.path}: resuming after epoch {common}")
        elif done := len(record.folder.read_rows()):
            listener.say(f"{record.folder.path}: no checkpoint of its {done} epochs: from the start")
        checkpoints.discard_later(record.folder.checkpoints, common)
        record.open()
    return runs


def _resume(record: Record, listener: Listener, no_later_than: int | None = None) -> _Run:
    """A run at its last checkpoint up to an epoch, or at its start; nothing is written."""
    state = initial_state(record.config)
    restored, warnings = checkpoints.load_newest(record.folder.checkpoints, state, no_later_than)
    for warning in warnings:
        listener.say(f"warning: {warning}")
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
    records: Sequence[Record],
    source: Source,
    habits: Habits,
    listener: Listener,
    request: Request,
    devices: int,
) -> None:
    """Train runs of one setting in step, from the epoch that all have reached to their last, or until asked to stop.

    Raises:
        DivergedError: on every host, if one of the runs diverged.
        StoppedError: on every host, after a signal to one of them.
    """
    config, mesh = configs[0], mesh_for(devices, len(configs))
    _require_shares(len(configs), config.setting.batch_size, devices)
    if leads():
        runs = _open([record for record in records if record.config in configs], listener)
    else:
        runs = [_Run(config, initial_state(config), None) for config in configs]
    done = int(from_host_0(runs[0].state.epoch))
    for run in runs:
        # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
        run.state = place(from_host_0(run.state), mesh)
    images = place(source.dataset.train_images, mesh)
    if leads():
        listener.start(config, done, 1 if mesh is None else mesh.size)
    _stop_if_asked(exchange(signal=request.signal), config, done)
    for epoch in range(done + 1, config.epochs + 1):
        _train_epoch(runs, images, epoch, mesh, habits, listener)
        for run in runs:
            if run.record is not None:
                players = _players(run.state, config)
                run.record.keep(players, source, habits, listener)
        told = exchange(signal=request.signal)
        for run in runs:
            due = epoch == config.epochs or _asked(told) or epoch % habits.checkpoint_every == 0
            if run.record is not None and due:
                checkpoints.save(run.record.folder.checkpoints, local(run.state))
        if leads():
            listener.epoch([run.record.rows[-1] for run in runs if run.record is not None])
        exchange()  # what went wrong in saving is told before the others begin an epoch
        _stop_if_asked(told, config, epoch)
    for run in runs:
        digest = checkpoints.params_sha256(local(run.state))
        if run.record is not None:
            run.record.close(digest)
        else:
            listener.say(f"host {jax.process_index()}: {run.config.name}: SHA-256 of the parameters: {digest}")


def _players(state: GanState, config: Config) -> Players:
    """A state's networks as functions of arrays of this process."""
    raw = partial(generate, local(state.generator), setting=config.setting)
    return Players(
        generate=partial(generate, local(state.delivered), setting=config.setting),
        judge=partial(judge, local(state.discriminator), setting=config.setting),
        generate_raw=None if state.average is None else raw,
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
    runs: Sequence[_Run], images: jax.Array, epoch: int, mesh: Mesh | None, habits: Habits, listener: Listener
) -> None:
    """One epoch of all runs, and their rows of metrics.

    Raises:
        DivergedError: on every host, if what a run reports is not finite; nothing is written then.
    """
    # The epoch consumes the states; the key, which no epoch changes, can be had from those after it.
    kept = [jax.tree.map(jnp.copy, local(run.state._replace(key=None))) if habits.detect_nans else None for run in runs]
    start = time.perf_counter()
    config = runs[0].config
    setting, steps = config.setting, config.discriminator_steps.steps(epoch)
    infos: tuple[StepInfo, ...]
    with tracing_for(mesh):
        if len(runs) == 1:
            state, info = train_epoch(runs[0].state, images, setting=setting, discriminator_steps=steps)
            states, infos = (state,), (info,)
        else:
            states, infos = train_epoch_of_seeds(
                tuple(run.state for run in runs), images, setting=setting, discriminator_steps=steps
            )
    reports = [{name: np.asarray(values) for name, values in info._asdict().items()} for info in infos]
    seconds = (time.perf_counter() - start) / len(runs)  # the reports are there, and so the epoch is over
    for run, state, report, before in zip(runs, states, reports, kept, strict=True):
        run.state = state
        try:
            if run.record is None:
                require_finite(run.config.name, epoch, report)
            else:
                run.record.add_epoch(steps, report, seconds)
        except DivergedError:
            lines = ["the same command with --detect-nans finds the operation"]
            if before is not None:
                lines = nans.find_operation(before._replace(key=local(state.key)), local(images), setting, steps)
            for line in lines if leads() else []:
                listener.say(f"{run.config.name}: epoch {epoch}: {line}")
            raise
