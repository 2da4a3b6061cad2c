"""Whether a run gives the same bits again: it is trained anew from its own configuration, and compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_jax import checkpoints, runs
from gan_jax.config import Config
from gan_jax.errors import UserError
from gan_jax.keeping import JAX, Habits, Listener, Source
from gan_jax.manifest import provenance
from gan_jax.run_folder import Row, RunFolder

# What of a manifest a run's bits depend on besides its configuration and data.
CIRCUMSTANCES = ("git_commit", "backend", "device", "device_count", "processor", "processor_count", "xla_flags", "prng")
PACKAGES = ("jax", "jaxlib", "flax", "optax")  # of its versions
NOT_COMPARED = ("seconds",)


@dataclass(frozen=True)
class Original:
    """What is to come out again: a run as far as its parameters are known."""

    folder: RunFolder
    config: Config
    manifest: dict[str, Any]
    epochs: int
    rows: list[Row]
    params_sha256: str


def read_original(folder: RunFolder) -> Original:
    """A run's last epoch, or that of its newest checkpoint if it is not finished.

    Raises:
        UserError: if there is no run, it was trained by something else, or no parameters are known.
    """
    config, manifest = folder.read_config(), folder.read_manifest()
    if config is None:
        raise UserError(f"{folder.path} holds no run")
    if (trainer := manifest.get("trainer", JAX)) != JAX:
        raise UserError(f"{folder.path} was trained by {trainer}: only gan_jax's own runs give the same bits again")
    epochs, digest = manifest.get("epochs"), manifest.get("params_sha256")
    if not (isinstance(epochs, int) and isinstance(digest, str)):
        state, _ = checkpoints.load_newest(folder.checkpoints, runs.initial_state(config))
        if state is None:
            raise UserError(f"{folder.path} is not finished and has no checkpoint: there is nothing to compare with")
        epochs, digest = int(state.epoch), checkpoints.params_sha256(state)
    rows = folder.read_rows()[:epochs]
    if len(rows) < epochs:
        raise UserError(f"{folder.path / 'metrics.csv'} ends before epoch {epochs}")
    return Original(folder, config, manifest, epochs, rows, digest)


def circumstances(manifest: dict[str, Any]) -> list[str]:
    """What is not as it was when a run was made, of all that its bits depend on; its earlier stretches count."""
    here = _flat(provenance())
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
    named = {name: manifest[name] for name in CIRCUMSTANCES if name in manifest}
    return named | {name: versions[name] for name in PACKAGES if name in versions}


def retrain(original: Original, source: Source, scratch: Path, listener: Listener, since: int) -> list[str]:
    """Train a run's epochs again and say what differs.

    Args:
        original: the run.
        source: gives its images.
        scratch: an empty folder to train in.
        listener: what to tell.
        since: the epoch of one of the run's checkpoints, to start there, or 0.

    Returns:
        A line for each difference, none if all bits are the same.

    Raises:
        UserError: if the data are other ones, or there is no checkpoint of that epoch.
    """
    config, manifest, folder = original.config, original.manifest, original.folder
    if manifest.get("data_sha256", source.dataset.sha256()) != source.dataset.sha256():
        raise UserError(f"{folder.path} was trained on other data than these")
    seeds = manifest.get("seeds_together", [config.seed])  # of a program for all, a seed's bits are that program's
    configs = [replace(config, name=f"seed_{seed}", seed=seed, epochs=original.epochs) for seed in seeds]
    again = RunFolder(scratch / f"seed_{config.seed}")
    if since:
        _start_at(original, since, again, configs)
    habits = Habits(checkpoint_every=original.epochs, samples_every=original.epochs)
    runs.train(configs, source, scratch, habits, listener, together=len(configs) > 1)
    return list(_differences(original, again.read_rows(), again.read_manifest()["params_sha256"]))


def _start_at(original: Original, since: int, again: RunFolder, configs: Sequence[Config]) -> None:
    """Give the run to come what the original was after an epoch."""
    if not 0 < since < original.epochs:
        raise UserError(f"a run of {original.epochs} epochs can be verified since one before: not since {since}")
    if len(configs) > 1:
        raise UserError(f"{original.folder.path} was trained together with other seeds: verify it from its start")
    like = runs.initial_state(original.config)
    state, warnings = checkpoints.load_newest(original.folder.checkpoints, like, since)
    if state is None or int(state.epoch) != since:
        found = warnings[0] if warnings else f"there is no checkpoint of epoch {since} in {original.folder.checkpoints}"
        raise UserError(found)
    checkpoints.save(again.checkpoints, state)
    again.write_config(configs[0])
    again.write_rows(original.rows[:since])


def _differences(original: Original, rows: list[Row], params_sha256: str) -> Iterator[str]:
    apart = [
        (there["epoch"], name, there[name], here[name])
        for there, here in zip(original.rows, rows, strict=True)
        for name in there
        if name in here and name not in NOT_COMPARED and there[name] != here[name]
    ]
    if apart:
        epoch, name, there, here = apart[0]
        epochs = len({epoch for epoch, *_ in apart})
        yield f"metrics differ in {epochs} epochs, first in epoch {epoch:.0f}: {name} was {there}, is {here}"
    if params_sha256 != original.params_sha256:
        yield f"the parameters after epoch {original.epochs}: SHA-256 was {original.params_sha256}, is {params_sha256}"
