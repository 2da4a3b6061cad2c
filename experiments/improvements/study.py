"""./run.sh improvements: each change of part_a trained with several seeds, and what came out, the best first."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.harness.comparison import read_run
from experiments.harness.inputs import habits_of, source_of
from experiments.harness.options import HOSTS, RunOptions, configure, refuse
from experiments.improvements import leaderboard
from experiments.improvements.cost import Cost, measure
from experiments.improvements.leaderboard import BASELINE
from experiments.improvements.variants import CHANGES
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import DivergedError, UserError, require
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.provenance import provenance
from gan_jax.runs.recorder import require_same_config
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.files import read_limited, save_figure, write_json, write_text
from gan_jax.utils.text import printable

EVERY = 10  # epochs between measurements
SEEDS = "3"
COSTS = "costs.json"
MAX_BYTES = 10**7  # of that file
REPEATS = 5  # of a step's timing
MACHINE = ("backend", "device", "processor", "processor_count")  # of provenance: where else a cost is another


def improvements(options: RunOptions, only: Sequence[str], callbacks: Callbacks) -> None:
    """Train, or go on with, the changes and seeds in `options.out`/improvements, and write what came out.

    Of `only` these changes and part_a, else all. Table and figure show every change whose runs are finished there,
    whichever are trained now, and are written anew after each.

    Raises:
        UserError: if an option would make a change another one, no classifier fits the data, or a folder
            cannot be used or has another run.
    """
    # Each change has a name of its own, and is one against part_a's rate and batch; one device trains it.
    refuse(options, "improvements", "name", "learning_rate", "batch_size", "devices", *HOSTS)
    require(not options.overwrite, "improvements takes no --overwrite: remove the folders that it is to train again")
    several = SEEDS if options.seed is None and options.seeds is None else options.seeds
    every = options.evaluate_every or EVERY
    options = replace(options, out=options.out / "improvements", evaluate_every=every, seeds=several)
    source, trainer_options = source_of(options), habits_of(options)
    require(source.classifier_sha256 is not None, "improvements compares by a --classifier of these data: give one")
    epochs = 100 if options.epochs is None else options.epochs
    wanted = {name: configure(CHANGES[name].config(name, epochs), options) for name in CHANGES}
    chosen = [name for name in CHANGES if not only or name in (*only, BASELINE)]
    for name in chosen:
        for config in wanted[name]:  # before the first is trained
            require_same_config(RunDir(options.out / config.name), config, JAX)
    found = {name: members for name, configs in wanted.items() if (members := finished(options.out, configs))}
    told = _read_entries(options.out / "improvements.json").get("diverged")
    unfinished = {name for name, configs in wanted.items() if len(found.get(name, ())) < len(configs)}
    told = told if isinstance(told, dict) else {}
    diverged = {name: printable(str(told[name])) for name in wanted if name in unfinished and name in told}
    for name in chosen:
        configs = wanted[name]
        if name in unfinished:
            diverged.pop(name, None)
            together = len(configs) > 1 and jax.default_backend() != "cpu"
            try:
                trainer.train(configs, source, options.out, trainer_options, callbacks, together=together)
            except DivergedError as error:
                diverged[name] = str(error)
            found |= {name: members} if (members := finished(options.out, configs)) else {}
        elif name != chosen[-1]:
            continue  # the table with the others is the same
        _write(found, diverged, options.out, source.dataset.train_images, callbacks.log)
    callbacks.log(f"Done: the table, a figure and all numbers are improvements.md, .png and .json in {options.out}")


def finished(out: Path, configs: Sequence[Config]) -> list[LoadedRun]:
    """List the runs that their directories have to the last epoch."""
    folders = {config: RunDir(out / config.name) for config in configs}
    return [
        read_run(folder.path)
        for config, folder in folders.items()
        if folder.read_config() == config and folder.read_manifest().get("epochs") == config.epochs
    ]


def _write(
    found: Mapping[str, Sequence[LoadedRun]],
    diverged: Mapping[str, str],
    out: Path,
    images: np.ndarray,
    say: Callable[[str], None],
) -> None:
    """Write improvements.md, .json and .png of these runs by change, part_a among them, and tell the table."""
    if BASELINE not in found:
        return
    try:
        costs = _costs({name: members[0].config.hparams for name, members in found.items()}, images, out / COSTS)
        rows = leaderboard.rank(found, costs)
        text = leaderboard.as_markdown(rows, found, diverged)
        write_text(out / "improvements.md", text)
        record = {"provenance": provenance(), "changes": leaderboard.as_json(rows), "diverged": dict(diverged)}
        write_json(out / "improvements.json", record)
        save_figure(out / "improvements.png", leaderboard.draw(rows, found, costs))
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    say(text)


def _costs(settings: Mapping[str, Hyperparameters], images: np.ndarray, path: Path) -> dict[str, Cost]:
    """Cost of an epoch of each variant; those not yet in the file for this machine are measured now.

    Each beside one of part_a in the same minute: runs may be of days with other loads, and of other machines.
    """
    made = provenance()
    entries = _read_entries(path)
    costs = {}
    for name, hparams in settings.items():
        known = {"setting": asdict(hparams)} | {key: made[key] for key in MACHINE}
        try:
            entry = entries[name] | {"setting": asdict(Hyperparameters.from_json(entries[name]["setting"]))}
            cost = Cost(**entry["cost"])
            current = known == {key: entry[key] for key in known} and cost.times > 0
        except (AttributeError, KeyError, TypeError, UserError):
            current = False
        if not current:
            cost = measure({BASELINE: settings[BASELINE], name: hparams}, images, REPEATS, lambda _: None)[name]
            entries[name] = known | {"git_commit": made["git_commit"], "cost": cost._asdict()}
            write_json(path, entries)
        costs[name] = cost
    return costs


def _read_entries(path: Path) -> dict[str, Any]:
    """By change; none of a file that is not there or cannot be read."""
    try:
        entries = json.loads(read_limited(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}
