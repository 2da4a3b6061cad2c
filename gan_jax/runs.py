"""The host loop: configurations become runs' folders, each from its last checkpoint on if there is one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from gan_jax import checkpoints
from gan_jax.config import Config, require, require_precision
from gan_jax.errors import DivergedError, UserError
from gan_jax.interrupts import Request, StoppedError, deferred
from gan_jax.keeping import JAX, Habits, Listener, Record, unfinished
from gan_jax.run_folder import RunFolder
from gan_jax.sharding import BATCH, SEEDS, local, mesh_of, place, tracing_for
from gan_jax.source import Source
from gan_jax.training import GanState, StepInfo, generate, init_state, judge, train_epoch, train_epoch_of_seeds


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
    _require_devices(devices, configs, together)
    require_precision(configs[0].setting, jax.default_backend() == "gpu")
    with unfinished(configs, source, out, habits, listener, trainer=JAX, resumes=True, devices=devices) as records:
        diverged = []
        for group in [records] if together and _began_together(records) else [[record] for record in records]:
            mesh = mesh_of(devices, BATCH if len(group) == 1 else SEEDS)
            try:
                with deferred() as request:
                    _train(_open(group, listener, mesh), mesh, source, habits, listener, request)
            except DivergedError as error:
                diverged.append(str(error))
        if diverged:
            raise DivergedError("; ".join(diverged))
    return [RunFolder(out / config.name) for config in configs]


def _require_devices(devices: int, configs: Sequence[Config], together: bool) -> None:
    """Refuse more devices than there are, and what they cannot share evenly."""
    there = jax.device_count()
    require(1 <= devices <= there, f"--devices must be from 1 to {there}, which is how many there are, not {devices}")
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


def _open(records: list[Record], listener: Listener, mesh: Mesh | None) -> list[_Run]:
    """Runs at the last checkpoint that all of them have, or at their start."""
    runs = [_resume(record, listener, mesh) for record in records]
    reached = [len(record.rows) for record in records]
    common = min(reached)
    if max(reached) > common:  # killed between two seeds' checkpoints
        runs = [_resume(record, listener, mesh, common) for record in records]
        listener.say(f"of seeds trained together one has only reached epoch {common}: all go on from there")
    if any(len(record.rows) != common for record in records):
        raise UserError("these seeds have no checkpoint in common to go on from together: --overwrite them")
    for record in records:
        if len(records) > 1:
            record.manifest["seeds_together"] = [other.config.seed for other in records]
        if record.rows:
            listener.say(f"{record.folder.path}: resuming after epoch {common}")
        record.open()
    return runs


def _resume(record: Record, listener: Listener, mesh: Mesh | None, no_later_than: int | None = None) -> _Run:
    """A run at its last checkpoint up to an epoch, or at its start; nothing is written."""
    state = initial_state(record.config)
    restored, warnings = checkpoints.load_newest(record.folder.checkpoints, state, no_later_than)
    for warning in warnings:
        listener.say(f"warning: {warning}")
    state = state if restored is None else restored
    epoch = int(state.epoch)
    record.rows = record.folder.read_rows()[:epoch]
    if len(record.rows) < epoch:
        path = record.folder.path / "metrics.csv"
        raise UserError(f"{path} ends before the checkpoint's epoch {epoch}: --overwrite the run")
    # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
    return _Run(record, place(state, mesh))


def _train(
    group: list[_Run], mesh: Mesh | None, source: Source, habits: Habits, listener: Listener, request: Request
) -> None:
    """Train runs of one setting in step, from the epoch that all have reached to their last, or until asked to stop."""
    config, done = group[0].record.config, len(group[0].record.rows)
    images = place(source.dataset.train_images, mesh)
    listener.start(config, done, 1 if mesh is None else mesh.size)
    for epoch in range(done + 1, config.epochs + 1):
        with tracing_for(mesh):
            _train_epoch(group, images, config, epoch)
        for run in group:
            generator = partial(generate, local(run.state.generator), setting=config.setting)
            discriminator = partial(judge, local(run.state.discriminator), setting=config.setting)
            run.record.keep(generator, discriminator, source, habits, listener)
        asked, last = request.signal, epoch == config.epochs
        if last or asked or epoch % habits.checkpoint_every == 0:
            for run in group:
                checkpoints.save(run.record.folder.checkpoints, local(run.state))
        listener.epoch([run.record.rows[-1] for run in group])
        if asked and not last:
            raise StoppedError(asked, f"stopped after epoch {epoch} of {config.epochs}: the same command goes on there")
    for run in group:
        run.record.close(checkpoints.params_sha256(local(run.state)))


def _train_epoch(group: list[_Run], images: jax.Array, config: Config, epoch: int) -> None:
    """One epoch of all runs, and their rows of metrics."""
    start = time.perf_counter()
    setting, steps = config.setting, config.discriminator_steps.steps(epoch)
    infos: tuple[StepInfo, ...]
    if len(group) == 1:
        state, info = train_epoch(group[0].state, images, setting=setting, discriminator_steps=steps)
        states, infos = (state,), (info,)
    else:
        states, infos = train_epoch_of_seeds(
            tuple(run.state for run in group), images, setting=setting, discriminator_steps=steps
        )
    reports = [{name: np.asarray(values) for name, values in info._asdict().items()} for info in infos]
    seconds = (time.perf_counter() - start) / len(group)  # the reports are there, and so the epoch is over
    for run, state, report in zip(group, states, reports, strict=True):
        run.state = state
        run.record.add_epoch(steps, report, seconds)
