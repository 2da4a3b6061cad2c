"""Verification that a run gives the same bits again: it is trained anew from its own configuration and compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gan_jax.config import MAX_EPOCHS, Config
from gan_jax.errors import UserError, require
from gan_jax.runs import checkpoints, trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.provenance import provenance
from gan_jax.runs.recorder import TrainerOptions
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, MetricsRow, RunDir

# What of a manifest a run's bits depend on besides its configuration and data.
ENVIRONMENT = (
    "git_commit",
    "lock_sha256",
    "backend",
    "device",
    "processor",
    "processor_count",
    "device_count",
    "host_count",
    "xla_flags",
    "jax_variables",
    "prng",
)
PACKAGES = ("jax", "jaxlib", "flax", "optax")  # of its versions
NOT_COMPARED = ("seconds",)
MEASURED = {"nearest_ratio", "modes"}  # columns one of which an epoch has whose samples were measured


@dataclass(frozen=True)
class ReferenceRun:
    """Run to reproduce, as far as its parameters are known."""

    folder: RunDir
    config: Config
    manifest: dict[str, Any]
    epochs: int
    rows: list[MetricsRow]
    params_sha256: str


def read_reference_run(folder: RunDir) -> ReferenceRun:
    """A run's last epoch, or that of its newest checkpoint if it is not finished.

    Raises:
        UserError: if there is no run, it was trained by something else, or no parameters are known.
    """
    config, manifest = folder.read_config(), folder.read_manifest()
    if config is None:
        raise UserError(f"{folder.path} holds no run")
    if (trained_by := manifest.get("trainer", JAX)) != JAX:
        raise UserError(f"{folder.path} was trained by {trained_by}: only gan_jax's own runs give the same bits again")
    epochs, digest = manifest.get("epochs"), manifest.get("params_sha256")
    if not (isinstance(epochs, int) and isinstance(digest, str)):
        state, _ = checkpoints.load_newest(folder.checkpoints, jax.eval_shape(partial(trainer.initial_state, config)))
        if state is None:
            raise UserError(f"{folder.path} is not finished and has no checkpoint: there is nothing to compare with")
        epochs, digest = int(state.epoch), checkpoints.params_sha256(state)
    together = [stretch.get("seeds_together") for stretch in (*manifest.get("earlier", []), manifest)]
    if any(seeds != together[0] for seeds in together):
        raise UserError(f"{folder.path} was trained partly alone and partly with other seeds: that is not done again")
    if config.seed not in (together[-1] or [config.seed]):
        raise UserError(f"{folder.path / 'manifest.json'}: the run's own seed is not among seeds_together")
    rows = folder.read_rows()[:epochs]
    if not 1 <= epochs <= MAX_EPOCHS:
        raise UserError(f"{folder.path / 'manifest.json'}: epochs is {epochs}, which it cannot be")
    if len(rows) < epochs:
        raise UserError(f"{folder.path / 'metrics.csv'} ends before epoch {epochs}")
    return ReferenceRun(folder, config, manifest, epochs, rows, digest)


def environment_diff(manifest: dict[str, Any]) -> list[str]:
    """List what differs now from when a run was made, of all that its bits depend on; its earlier stretches count."""
    here = _flat(provenance() | {"device_count": manifest.get("device_count", 1)})  # it is trained on as many again
    found = {}
    for stretch in (*manifest.get("earlier", []), manifest):
        there = _flat(stretch)
        found |= {
            f"{name} was {there[name]}, is {here[name]}": None
            for name in here
            if there.get(name, here[name]) != here[name]
        }
    return list(found)


def _flat(manifest: dict[str, Any]) -> dict[str, Any]:
    versions = manifest.get("versions", {})
    named = {name: manifest[name] for name in ENVIRONMENT if name in manifest}
    return named | {name: versions[name] for name in PACKAGES if name in versions}


class Comparison(NamedTuple):
    """Outcome of training a run again."""

    values: int  # of metrics.csv that were compared
    differences: list[str]  # a line each; none if all bits are the same


def retrain(original: ReferenceRun, source: RunData, scratch: Path, callbacks: Callbacks, since: int) -> Comparison:
    """Train a run's epochs again, measure its samples where that was done, and compare.

    Args:
        original: the run.
        source: gives its images.
        scratch: an empty folder to train in.
        callbacks: told how it goes.
        since: the epoch of one of the run's checkpoints, to start there, or 0.

    Raises:
        UserError: if the data, the classifier or the number of devices are not there, or no checkpoint of that epoch.
    """
    config, manifest, folder = original.config, original.manifest, original.folder
    if manifest.get("data_sha256", source.dataset.sha256()) != source.dataset.sha256():
        raise UserError(f"{folder.path} was trained on other data than these")
    if manifest.get("classifier_sha256", source.classifier_sha256) != source.classifier_sha256:
        raise UserError(f"{folder.path} was measured with another classifier: name it with --classifier")
    devices, there = manifest.get("device_count", 1), jax.device_count()
    require(devices <= there, f"{folder.path} was trained on {devices} devices, and here are {there}")
    on_gpu = jax.default_backend() == "gpu"
    require(
        on_gpu or config.hparams.precision != "tensorfloat32",
        f"{folder.path} was trained in tensorfloat32, which takes a GPU: there is none",
    )
    seeds = manifest.get("seeds_together", [config.seed])  # of a program for all, a seed's bits are that program's
    configs = [replace(config, name=f"seed_{seed}", seed=seed, epochs=original.epochs) for seed in seeds]
    again = RunDir(scratch / f"seed_{config.seed}")
    if since:
        _start_at(original, since, again, configs)
    measured = next((int(row["epoch"]) for row in original.rows if MEASURED & row.keys()), original.epochs)
    trainer_options = TrainerOptions(
        checkpoint_every=original.epochs, samples_every=original.epochs, evaluate_every=measured
    )
    trainer.train(configs, source, scratch, trainer_options, callbacks, together=len(configs) > 1, devices=devices)
    return _compared(original, again.read_rows()[since:], again.read_manifest()["params_sha256"])


def _start_at(original: ReferenceRun, since: int, again: RunDir, configs: Sequence[Config]) -> None:
    """Give the run to come what the original was after an epoch."""
    if not 0 < since < original.epochs:
        raise UserError(f"a run of {original.epochs} epochs can be verified since one before: not since {since}")
    if len(configs) > 1:
        raise UserError(f"{original.folder.path} was trained together with other seeds: verify it from its start")
    like = trainer.initial_state(original.config)
    state, warnings = checkpoints.load_newest(original.folder.checkpoints, like, since)
    if state is None or int(state.epoch) != since:
        found = warnings[0] if warnings else f"there is no checkpoint of epoch {since} in {original.folder.checkpoints}"
        raise UserError(found)
    checkpoints.save(again.checkpoints, state)
    again.write_config(configs[0])
    again.write_rows(original.rows[:since])


def _compared(original: ReferenceRun, rows: list[MetricsRow], params_sha256: str) -> Comparison:
    """The last rows against the original's, and the parameters."""
    pairs = [
        (there["epoch"], name, there[name], here[name])
        for there, here in zip(original.rows[-len(rows) :], rows, strict=True)
        for name in there
        if name in here and name not in NOT_COMPARED
    ]
    apart = [pair for pair in pairs if pair[2] != pair[3]]
    differences = []
    if apart:
        epoch, name, there, here = apart[0]
        epochs = len({epoch for epoch, *_ in apart})
        first = f"first in epoch {epoch:.0f}: {name} was {there}, is {here}"
        differences.append(f"metrics differ in {epochs} of {len(rows)} epochs, {first}")
    if params_sha256 != original.params_sha256:
        was = f"SHA-256 was {original.params_sha256}, is {params_sha256}"
        differences.append(f"the parameters after epoch {original.epochs}: {was}")
    return Comparison(len(pairs), differences)
