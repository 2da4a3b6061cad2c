"""Host loop of training: configurations become run directories, each resumed from its last checkpoint.

In a distributed run all processes go through it in step and compute the same. Process 0 alone has the run directories;
its decisions, and errors on any process, are exchanged by the collectives in between.
"""

import contextlib
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax.config import Config, require_precision
from gan_jax.distributed.collectives import allgather_json, assert_same_on_all, broadcast_from_main, is_main_process
from gan_jax.distributed.sharding import BATCH, SEEDS, make_mesh, replicate, to_local, tracing_for
from gan_jax.errors import DivergedError, require
from gan_jax.evaluation import DiscriminatorFns
from gan_jax.losses.adversarial import LOSSES
from gan_jax.runs import checkpoints
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.ownership import lock_pending_runs
from gan_jax.runs.recorder import ModelFns, RunRecorder, require_finite
from gan_jax.runs.restore import ActiveRun, can_train_together, initial_state, open_runs
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training import nan_debugging
from gan_jax.training.apply_fns import discriminate, generate, sample_gradient_norms
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.state import GanState
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped
from gan_jax.utils.signals import StoppedError, StopRequest, defer_signals

CHECKPOINT_SECONDS = 300  # at least as often as this, so that a second Ctrl-C costs minutes at most


def train(
    configs: Sequence[Config],
    run_data: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    together: bool,
    devices: int = 1,
) -> list[RunDir]:
    """Train the unfinished ones of some runs that differ in name and seed only, each in `out/name`.

    Args:
        configs: the runs' configurations.
        run_data: the images and the reference; loaded only if there is something to train.
        out: the parent directory of the runs, created if missing.
        trainer_options: what is recorded of the runs.
        callbacks: report the progress.
        together: train all seeds in one vectorized program, as suits an accelerator, rather than one after another,
            where each seed gives the bits that it gives alone. Runs that have begun otherwise resume one by one.
        devices: the number of devices to shard the batch over, or the seeds where they are trained together.

    Returns:
        The directories of all runs; on processes other than process 0, none.

    Raises:
        DivergedError: if runs diverged, after the others are trained; those in one program with it stop with it.
        UserError: if a directory belongs to another run or cannot be written, or the data or the devices do not fit.
            No file has been changed then, unless writing failed in the middle of a run.
        StoppedError: after SIGTERM or Ctrl-C, once the current epoch is trained and saved.
    """
    _require_devices(devices, configs, together)
    locking = contextlib.nullcontext(list[RunRecorder]())
    if is_main_process():
        locking = lock_pending_runs(
            configs, run_data, out, trainer_options, callbacks, trainer=JAX, resumes=True, devices=devices
        )
    with locking as recorders, defer_signals() as request:
        groups = allgather_json(groups=_groups(configs, recorders, together))[0]["groups"]
        if groups:
            assert_same_on_all(data=run_data.dataset.sha256())
        errors = []
        for indices in groups:
            group = [configs[index] for index in indices]
            try:
                _train_group(group, recorders, run_data, trainer_options, callbacks, request, devices)
                outcome = "finished"
            except DivergedError as error:
                errors.append(str(error))
                outcome = "diverged"
            signal = _requested_signal(allgather_json(signal=request.signal))
            if signal:  # in the last epoch or since: the next group does not begin
                raise StoppedError(signal, f"stopped after {group[-1].name} {outcome}")
        if errors:
            raise DivergedError("; ".join(errors))
    return [RunDir(out / config.name) for config in configs] if is_main_process() else []


def _groups(configs: Sequence[Config], recorders: Sequence[RunRecorder], together: bool) -> list[list[int]]:
    """Group the unfinished configurations, by their indices, into those to train in one program."""
    pending = [configs.index(recorder.config) for recorder in recorders]
    return [pending] if together and can_train_together(recorders) else [[index] for index in pending]


def _require_devices(devices: int, configs: Sequence[Config], together: bool) -> None:
    """Refuse a number of devices that is not there or does not fit, and processes with different options.

    Raises:
        UserError: on every process the same.
    """
    seeds = [config.seed for config in configs]
    assert_same_on_all(devices=devices, together=together, seeds=seeds, **configs[0].flat())
    there, processes = jax.device_count(), jax.process_count()
    virtual = f"; JAX_NUM_CPU_DEVICES={devices} makes as many of a CPU" if jax.default_backend() == "cpu" else ""
    require(devices >= 1, f"--devices must be at least 1, not {devices}")
    require(devices <= there, f"--devices {devices}: there {'is' if there == 1 else 'are'} {there}{virtual}")
    require_precision(configs[0].hparams, jax.default_backend() == "gpu")
    require(devices % processes == 0, f"{devices} devices cannot be spread evenly over {processes} processes")
    _require_equal_shares(len(configs) if together else 1, configs[0].hparams.batch_size, devices)


def _require_equal_shares(runs: int, batch_size: int, devices: int) -> None:
    """Refuse to spread the runs of one program, or a single run's batch, unevenly over devices."""
    count, name = (runs, f"{runs} seeds") if runs > 1 else (batch_size, f"a batch of {batch_size}")
    require(count % devices == 0, f"{name} cannot be spread evenly over {devices} devices")


def _train_group(
    configs: Sequence[Config],
    recorders: Sequence[RunRecorder],
    run_data: RunData,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    request: StopRequest,
    devices: int,
) -> None:
    """Train runs with the same hyperparameters in one program, from the epoch that all have reached to their last.

    Raises:
        DivergedError: on every process, if one of the runs diverged.
        StoppedError: on every process, after a signal to one of them.
    """
    config, mesh = configs[0], make_mesh(devices, BATCH if len(configs) == 1 else SEEDS)
    _require_equal_shares(len(configs), config.hparams.batch_size, devices)
    if is_main_process():
        runs = open_runs([recorder for recorder in recorders if recorder.config in configs], callbacks)
    else:
        runs = [ActiveRun(config, initial_state(config), None) for config in configs]
    done = int(broadcast_from_main(runs[0].state.epoch))
    for run in runs:
        # Placed like a loaded state, so that a fresh start and a resumption are one compiled program.
        run.state = replicate(broadcast_from_main(run.state), mesh)
    images = replicate(run_data.dataset.train_images, mesh)
    if is_main_process():
        callbacks.on_train_start(config, done, 1 if mesh is None else mesh.size)
    _stop_if_requested(allgather_json(signal=request.signal), config, done)
    saved = time.monotonic()
    for epoch in range(done + 1, config.epochs + 1):
        _train_epoch(runs, images, epoch, mesh, trainer_options, callbacks)
        for run in runs:
            if run.recorder is not None:
                run.recorder.evaluate_and_save(_model_fns(run.state, config), run_data, trainer_options, callbacks)
        messages = allgather_json(signal=request.signal)
        due = epoch == config.epochs or epoch % trainer_options.checkpoint_every == 0 or _requested_signal(messages)
        if due or time.monotonic() - saved > CHECKPOINT_SECONDS:  # only the main process saves: its clock decides
            due, saved = True, time.monotonic()
        for run in runs:
            if run.recorder is not None and due:
                checkpoints.save(run.recorder.folder.checkpoints, to_local(run.state))
        if is_main_process():
            callbacks.on_epoch_end([run.recorder.rows[-1] for run in runs if run.recorder is not None])
        allgather_json()  # errors in saving reach the other processes before they begin an epoch
        _stop_if_requested(messages, config, epoch)
    for run in runs:
        digest = checkpoints.params_sha256(to_local(run.state))
        if run.recorder is not None:
            run.recorder.finish(digest)
        else:
            callbacks.log(f"process {jax.process_index()}: {run.config.name}: SHA-256 of the parameters: {digest}")


def _model_fns(state: GanState, config: Config) -> ModelFns:
    """Bind a state's networks to functions of arrays of this process."""
    hparams, discriminator_params = config.hparams, to_local(state.discriminator)
    raw = partial(generate, to_local(state.generator), hparams=hparams)
    outputs = partial(discriminate, discriminator_params, hparams=hparams)
    norms = partial(sample_gradient_norms, discriminator_params, hparams=hparams)
    single = hparams.group_size == 1 and not LOSSES[hparams.loss].shift_invariant
    return ModelFns(
        generate=partial(generate, to_local(state.sampling_params), hparams=hparams),
        discriminate=outputs,
        generate_without_ema=None if state.average is None else raw,
        by_digit=DiscriminatorFns(outputs, norms) if single else None,
    )


def _requested_signal(messages: list[dict[str, Any]]) -> int | None:
    """Return the signal that has asked one of the processes to stop, if one has."""
    return next((message["signal"] for message in messages if message["signal"]), None)


def _stop_if_requested(messages: list[dict[str, Any]], config: Config, epoch: int) -> None:
    """Raise StoppedError if a process has received a signal, and there is something left to do."""
    signal = _requested_signal(messages)
    if signal and epoch < config.epochs:
        where = f"after epoch {epoch} of {config.epochs}" if epoch else "before the first epoch"
        raise StoppedError(signal, f"stopped {where}: the same command resumes there")


def _train_epoch(
    runs: Sequence[ActiveRun],
    images: jax.Array,
    epoch: int,
    mesh: Mesh | None,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
) -> None:
    """Train all runs for one epoch, and log their rows of metrics.

    Raises:
        DivergedError: on every process, if a metric of one run is not finite; nothing is written then.
    """
    # The epoch consumes the states; the key, which no epoch changes, is taken from those after it.
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
    seconds = (time.perf_counter() - start) / len(runs)  # the metrics have arrived, so the epoch is over
    for run, state, report, before in zip(runs, states, reports, kept, strict=True):
        run.state = state
        try:
            if run.recorder is None:
                require_finite(run.config.name, epoch, report)
            else:
                run.recorder.log_epoch(steps, report, seconds)
        except DivergedError:
            lines = ["the same command with --detect-nans finds the operation"]
            if before is not None:
                lines = nan_debugging.locate_nonfinite_op(
                    before._replace(key=to_local(state.key)), to_local(images), hparams, steps
                )
            for line in lines if is_main_process() else []:
                callbacks.log(f"{run.config.name}: epoch {epoch}: {line}")
            raise
