"""The host loop: configurations become runs' folders, each from its last checkpoint on if there is one.

Of many hosts this is host 0's, which tells the others in each exchange what `gan_jax.following` makes them do.
"""

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
from gan_jax.exchange import exchange, from_host_0, require_alike
from gan_jax.interrupts import Request, StoppedError, deferred
from gan_jax.keeping import JAX, Habits, Listener, Record, Source, unfinished
from gan_jax.run_folder import RunFolder
from gan_jax.sharding import local, mesh_for, place, tracing_for
from gan_jax.training import GanState, StepInfo, generate, init_state, train_epoch, train_epoch_of_seeds

NEEDED = ("epoch", "discriminator_steps", *StepInfo._fields, "seconds")  # what every row of metrics has


@dataclass
class _Run:
    """A run and its state."""

    record: Record
    state: GanState


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
    require_devices(devices, configs, together)
    with unfinished(configs, source, out, habits, listener, trainer=JAX, resumes=True, devices=devices) as records:
        diverged = []
        for group in [records] if together and _began_together(records) else [[record] for record in records]:
            mesh = mesh_for(devices, len(group))
            try:
                with deferred() as request:
                    runs = _open(group, listener)
                    indices = [configs.index(record.config) for record in group]
                    exchange(order={"runs": indices, "done": len(group[0].rows)})
                    require_alike(data=group[0].manifest["data_sha256"])
                    for run in runs:
                        # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
                        run.state = place(from_host_0(run.state), mesh)
                    _train(runs, mesh, source, habits, listener, request)
                if request.signal:  # in the last epoch or since: what would follow does not begin
                    exchange(order=None)
                    raise StoppedError(request.signal, f"stopped when {group[-1].config.name} was finished")
            except DivergedError as error:
                diverged.append(str(error))
                exchange(abandoned=True)
        if diverged:
            raise DivergedError("; ".join(diverged))
        exchange(order=None)
    return [RunFolder(out / config.name) for config in configs]


def require_devices(devices: int, configs: Sequence[Config], together: bool) -> None:
    """Refuse more devices than there are, what they cannot share or compute, and hosts that were not given the same.

    Raises:
        UserError: on every host the same.
    """
    seeds = [config.seed for config in configs]
    require_alike(jax=jax.__version__, devices=devices, together=together, seeds=seeds, **configs[0].flat())
    there, hosts = jax.device_count(), jax.process_count()
    require(1 <= devices <= there, f"--devices must be from 1 to {there}, which is how many there are, not {devices}")
    require_precision(configs[0].setting, jax.default_backend() == "gpu")
    require(devices % hosts == 0, f"{devices} devices cannot be spread evenly over {hosts} hosts")
    size = configs[0].setting.batch_size
    if together:
        require(len(configs) % devices == 0, f"{len(configs)} seeds cannot be spread evenly over {devices} devices")
    else:
        require(size % devices == 0, f"a batch of {size} cannot be spread evenly over {devices} devices")


def initial_state(config: Config) -> GanState:
    """A run's state before its first epoch."""
    return init_state(jax.random.key(config.seed), config.setting)


def _began_together(records: list[Record]) -> bool:
    """Whether these seeds have been trained in one program so far, if at all."""
    seeds = [record.config.seed for record in records]
    begun = [record.folder.read_manifest() for record in records if record.folder.read_rows()]
    return len(seeds) > 1 and all(manifest.get("seeds_together") == seeds for manifest in begun)


def _open(records: list[Record], listener: Listener) -> list[_Run]:
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
    return _Run(record, state)


def _train(
    group: list[_Run], mesh: Mesh | None, source: Source, habits: Habits, listener: Listener, request: Request
) -> None:
    """Train runs of one setting in step, from the epoch that all have reached to their last, or until asked to stop."""
    config, done = group[0].record.config, len(group[0].record.rows)
    images = place(source.dataset.train_images, mesh)
    listener.start(config, done, 1 if mesh is None else mesh.size)
    stop_if_asked(exchange(signal=request.signal), config, done)  # while programs were compiled and checkpoints read
    for epoch in range(done + 1, config.epochs + 1):
        _train_epoch(group, images, config, epoch, mesh, habits, listener)
        for run in group:
            generator = partial(generate, local(run.state.generator), setting=config.setting)
            run.record.keep(generator, source, habits, listener)
        told = exchange(signal=request.signal)
        if epoch == config.epochs or _asked(told) or epoch % habits.checkpoint_every == 0:
            for run in group:
                checkpoints.save(run.record.folder.checkpoints, local(run.state))
        listener.epoch([run.record.rows[-1] for run in group])
        exchange()  # what went wrong in saving is told before the others begin an epoch
        stop_if_asked(told, config, epoch)
    for run in group:
        run.record.close(checkpoints.params_sha256(local(run.state)))


def _asked(told: list[dict[str, Any]]) -> int | None:
    """The signal that has asked one of the hosts to stop."""
    return next((each["signal"] for each in told if each["signal"]), None)


def stop_if_asked(told: list[dict[str, Any]], config: Config, epoch: int) -> None:
    """Raise StoppedError if a host has told of a signal, and there is something left to do."""
    asked = _asked(told)
    if asked and epoch < config.epochs:
        where = f"after epoch {epoch} of {config.epochs}" if epoch else "before the first epoch"
        raise StoppedError(asked, f"stopped {where}: the same command goes on there")


def advance(
    states: tuple[GanState, ...], images: jax.Array, config: Config, epoch: int, mesh: Mesh | None
) -> tuple[tuple[GanState, ...], tuple[StepInfo, ...]]:
    """An epoch of runs of one setting; the given states are consumed."""
    setting, steps = config.setting, config.discriminator_steps.steps(epoch)
    with tracing_for(mesh):
        if len(states) == 1:
            state, info = train_epoch(states[0], images, setting=setting, discriminator_steps=steps)
            return (state,), (info,)
        return train_epoch_of_seeds(states, images, setting=setting, discriminator_steps=steps)


def _train_epoch(
    group: list[_Run],
    images: jax.Array,
    config: Config,
    epoch: int,
    mesh: Mesh | None,
    habits: Habits,
    listener: Listener,
) -> None:
    """One epoch of all runs, and their rows of metrics."""
    before = [_copied(run.state) if habits.detect_nans else None for run in group]  # the states are consumed
    start = time.perf_counter()
    states, infos = advance(tuple(run.state for run in group), images, config, epoch, mesh)
    reports = [{name: np.asarray(values) for name, values in info._asdict().items()} for info in infos]
    seconds = (time.perf_counter() - start) / len(group)  # the reports are there, and so the epoch is over
    steps = config.discriminator_steps.steps(epoch)
    for run, state, report, earlier in zip(group, states, reports, before, strict=True):
        run.state = state
        try:
            run.record.add_epoch(steps, report, seconds)
        except DivergedError:
            lines = ["the same command with --detect-nans finds the operation"]
            if earlier is not None:
                again = earlier._replace(key=local(state.key))
                lines = nans.find_operation(again, local(images), config.setting, steps)
            for line in lines:
                listener.say(f"{run.record.config.name}: epoch {epoch}: {line}")
            raise


def _copied(state: GanState) -> GanState:
    """A state on the first device, but for its key, which every later state has."""
    return jax.tree.map(jnp.copy, local(state._replace(key=None)))
