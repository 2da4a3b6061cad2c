"""Verification of a run: it is retrained from its configuration, and must be bitwise identical."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gan_jax.config import MAX_EPOCHS, Config, require_precision
from gan_jax.errors import UserError, require
from gan_jax.runs import checkpoints, trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.plugins import require_same_plugins
from gan_jax.runs.provenance import provenance
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, MetricsRow, RunDir
from gan_jax.utils.text import count_of

# The values of a manifest that a run's bits depend on, besides its configuration and data.
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
PACKAGES = ("jax", "jaxlib", "flax", "optax")  # likewise, of its versions
NOT_COMPARED = ("seconds",)
EVALUATION_COLUMNS = {"nearest_ratio", "modes"}  # an epoch whose samples were evaluated has one of them


@dataclass(frozen=True)
class ReferenceRun:
    """A run to reproduce, up to the last epoch whose parameters are known."""

    folder: RunDir
    config: Config
    manifest: dict[str, Any]
    epochs: int
    rows: list[MetricsRow]
    params_sha256: str


def read_reference_run(folder: RunDir) -> ReferenceRun:
    """Read a run up to its last epoch, or up to its newest checkpoint if it is not finished.

    Raises:
        UserError: if there is no run, another trainer trained it, or no parameters are known.
    """
    config, manifest = folder.read_config(), folder.read_manifest()
    if config is None:
        raise UserError(f"{folder.path} is not a run directory")
    require_same_plugins(folder.path, manifest)
    trainer_name = manifest.get("trainer", JAX)
    message = f"{folder.path} was trained by {trainer_name}: only gan_jax's own runs can be verified"
    require(trainer_name == JAX, message)
    epochs, digest = manifest.get("epochs"), manifest.get("params_sha256")
    if not (isinstance(epochs, int) and isinstance(digest, str)):
        state, _ = checkpoints.load_newest(folder.checkpoints, jax.eval_shape(partial(initial_state, config)))
        if state is None:
            raise UserError(f"{folder.path} is not finished and has no checkpoint: there is nothing to compare with")
        epochs, digest = int(state.epoch), checkpoints.params_sha256(state)
    together = [segment.get("seeds_together") for segment in (*manifest.get("earlier", []), manifest)]
    reason = "was trained partly alone and partly with other seeds in one program; verify cannot reproduce that"
    require(all(seeds == together[0] for seeds in together), f"{folder.path} {reason}")
    path = folder.path / "manifest.json"
    require(config.seed in (together[-1] or [config.seed]), f"{path}: the run's own seed is not among seeds_together")
    require(1 <= epochs <= MAX_EPOCHS, f"{path}: epochs has an invalid value: {epochs}")
    rows = folder.read_rows()[:epochs]
    require(len(rows) == epochs, f"{folder.path / 'metrics.csv'} ends before epoch {epochs}")
    return ReferenceRun(folder, config, manifest, epochs, rows, digest)


def environment_diff(manifest: dict[str, Any]) -> list[str]:
    """List how the environment that a run's bits depend on has changed since any of its segments was trained."""
    here = _flat(provenance() | {"device_count": manifest.get("device_count", 1)})  # it is retrained on as many
    found = {}
    for segment in (*manifest.get("earlier", []), manifest):
        there = _flat(segment)
        found |= {
            f"{name} was {there[name]}, is {here[name]}": None
            for name in here
            if there.get(name, here[name]) != here[name]
        }
    return list(found)


def _flat(manifest: dict[str, Any]) -> dict[str, Any]:
    versions = manifest.get("versions", {})
    values = {name: manifest[name] for name in ENVIRONMENT if name in manifest}
    return values | {name: versions[name] for name in PACKAGES if name in versions}


class Comparison(NamedTuple):
    """Outcome of retraining a run."""

    values: int  # how many of metrics.csv were compared
    differences: list[str]  # a line each; none if all bits are the same


def retrain(original: ReferenceRun, run_data: RunData, scratch: Path, callbacks: Callbacks, since: int) -> Comparison:
    """Retrain a run's epochs, evaluate its samples at the epochs at which they were evaluated, and compare.

    Args:
        original: the run.
        run_data: its images and reference.
        scratch: an empty directory to train in.
        callbacks: report the progress.
        since: the epoch of one of the run's checkpoints, to start there, or 0.

    Raises:
        UserError: if the data or the classifier differ, or there are not as many devices or no such checkpoint.
    """
    config, manifest, folder = original.config, original.manifest, original.folder
    data_sha256, classifier_sha256 = run_data.dataset.sha256(), run_data.classifier_sha256
    same = manifest.get("data_sha256", data_sha256) == data_sha256
    require(same, f"{folder.path} was trained on different data")
    same = manifest.get("classifier_sha256", classifier_sha256) == classifier_sha256
    require(same, f"{folder.path} was evaluated with another classifier: pass it with --classifier")
    devices, there = manifest.get("device_count", 1), jax.device_count()
    require(devices <= there, f"{folder.path} was trained on {devices} devices: {there} available")
    require_precision(config.hparams, jax.default_backend() == "gpu")
    seeds = manifest.get("seeds_together", [config.seed])  # the bits of seeds in one program depend on all of them
    configs = [replace(config, name=f"seed_{seed}", seed=seed, epochs=original.epochs) for seed in seeds]
    again = RunDir(scratch / f"seed_{config.seed}")
    require_since(original, since)
    if since:
        _start_at(original, since, again, configs)
    evaluated = next((int(row["epoch"]) for row in original.rows if EVALUATION_COLUMNS & row.keys()), original.epochs)
    trainer_options = TrainerOptions(
        checkpoint_every=original.epochs, samples_every=original.epochs, evaluate_every=evaluated
    )
    trainer.train(configs, run_data, scratch, trainer_options, callbacks, together=len(configs) > 1, devices=devices)
    return _compare(original, again.read_rows()[since:], again.read_manifest()["params_sha256"])


def require_since(original: ReferenceRun, since: int) -> None:
    """Raise UserError unless the run can be verified from epoch `since` on; 0 is its start."""
    if since == 0:
        return
    folder, last = original.folder, original.epochs - 1
    message = f"--since must be from 1 to {last} for a run of {count_of(original.epochs, 'epoch')}, not {since}"
    require(last > 0, f"{folder.path} has one epoch: verify it without --since")
    require(0 < since <= last, message)
    together = len(original.manifest.get("seeds_together", [])) > 1
    require(not together, f"{folder.path} was trained together with other seeds: verify it without --since")
    saved = [epoch for epoch in checkpoints.saved_epochs(folder.checkpoints) if epoch <= last]
    there = f"there are those of {', '.join(map(str, saved))}" if saved else "there is none before the last"
    require(since in saved, f"there is no checkpoint of epoch {since} in {folder.checkpoints}: {there}")


def _start_at(original: ReferenceRun, since: int, again: RunDir, configs: Sequence[Config]) -> None:
    """Copy the original's state and metrics after an epoch to the run that will resume there."""
    like = initial_state(original.config)
    state, warnings = checkpoints.load_newest(original.folder.checkpoints, like, since)
    if state is None or int(state.epoch) != since:
        raise UserError(warnings[0])
    checkpoints.save(again.checkpoints, state)
    again.write_config(configs[0])
    again.write_rows(original.rows[:since])


def _compare(original: ReferenceRun, rows: list[MetricsRow], params_sha256: str) -> Comparison:
    """Compare the retrained rows with the last ones of the original, and the parameters."""
    pairs = [
        (there["epoch"], name, there[name], here[name])
        for there, here in zip(original.rows[-len(rows) :], rows, strict=True)
        for name in there
        if name in here and name not in NOT_COMPARED
    ]
    unequal = [pair for pair in pairs if pair[2] != pair[3]]
    differences = []
    if unequal:
        epoch, name, there, here = unequal[0]
        epochs = len({epoch for epoch, *_ in unequal})
        first = f"first in epoch {epoch:.0f}: {name} was {there}, is {here}"
        differences.append(f"metrics differ in {epochs} of {len(rows)} epochs, {first}")
    if params_sha256 != original.params_sha256:
        was = f"SHA-256 was {original.params_sha256}, is {params_sha256}"
        differences.append(f"the parameters after epoch {original.epochs}: {was}")
    return Comparison(len(pairs), differences)
