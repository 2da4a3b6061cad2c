"""./run.sh improvements: trains part_a with each change and several seeds, and ranks the results."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.harness.inputs import run_data_of, trainer_options_of
from experiments.harness.options import StudyOptions, configure, existing_path
from experiments.improvements import leaderboard
from experiments.improvements.cost import Cost, measure
from experiments.improvements.leaderboard import BASELINE
from experiments.improvements.variants import CHANGES
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import DivergedError, UserError, require
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.comparison import read_run
from gan_jax.runs.ownership import require_same_config
from gan_jax.runs.provenance import provenance
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.files import read_limited, save_figure, write_json, write_text
from gan_jax.utils.text import printable

SEEDS = "3"
COSTS = "costs.json"
MAX_BYTES = 10**7  # of costs.json
REPEATS = 5  # of each timing
MACHINE = ("backend", "device", "processor", "processor_count")  # facts of provenance on which a cost depends


def improvements(options: StudyOptions, only: Sequence[str], callbacks: Callbacks) -> None:
    """Train or resume the changes with each seed in `options.out`/improvements, and write the leaderboard.

    Args:
        options: options of all runs.
        only: changes to train besides part_a, or none for all. The leaderboard, rewritten after each change, has all
            changes with finished runs, whichever are trained now.
        callbacks: callbacks of the trainer.

    Raises:
        UserError: if no classifier fits the data, or a directory is unusable or holds another run.
    """
    several = SEEDS if options.seed is None and options.seeds is None else options.seeds
    options = replace(options, out=options.out / "improvements", seeds=several)
    data, trainer_options = run_data_of(options), trainer_options_of(options)
    require(
        data.classifier_sha256 is not None,
        "improvements ranks by a classifier's features: pass a classifier for this data set with --classifier",
    )
    epochs = 100 if options.epochs is None else options.epochs
    wanted = {name: _as_begun(options.out, configure(CHANGES[name].config(name, epochs), options)) for name in CHANGES}
    chosen = [name for name in CHANGES if not only or name in (*only, BASELINE)]
    for name in chosen:
        for config in wanted[name]:  # before the first is trained
            require_same_config(RunDir(options.out / config.name), config, JAX)
    found = {name: members for name, configs in wanted.items() if (members := finished(options.out, configs))}
    earlier = _read_entries(options.out / "improvements.json").get("diverged")
    earlier = earlier if isinstance(earlier, dict) else {}
    unfinished = {name for name, configs in wanted.items() if len(found.get(name, ())) < len(configs)}
    diverged = {name: printable(str(earlier[name])) for name in wanted if name in unfinished and name in earlier}
    for name in chosen:
        configs = wanted[name]
        if name in unfinished:
            diverged.pop(name, None)
            together = len(configs) > 1 and jax.default_backend() != "cpu"
            try:
                trainer.train(configs, data, options.out, trainer_options, callbacks, together=together)
            except DivergedError as error:
                diverged[name] = str(error)
            found |= {name: members} if (members := finished(options.out, configs)) else {}
        elif name != chosen[-1]:
            continue  # which leaves the table as it is
        _write(found, diverged, options.out, data.dataset.train_images, callbacks.log)
    callbacks.log(f"Done: the table, a figure and all numbers are improvements.md, .png and .json in {options.out}")


def _as_begun(out: Path, configs: Sequence[Config]) -> list[Config]:
    """Keep the directory that a study begun by an earlier version gave seed 0, without a number."""
    return [replace(config, name=existing_path(out, config).name) for config in configs]


def finished(out: Path, configs: Sequence[Config]) -> list[LoadedRun]:
    """List the runs that are finished."""
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
    """Write improvements.md, .json and .png of these runs by change, and print the table; nothing without part_a."""
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


def _costs(hparams: Mapping[str, Hyperparameters], images: np.ndarray, path: Path) -> dict[str, Cost]:
    """Cost of an epoch of each variant; those not yet in the file for this machine are measured now.

    Each is measured side by side with part_a, since the runs may be from other machines or under other loads.
    """
    made = provenance()
    entries = _read_entries(path)
    costs = {}
    for name, each in hparams.items():
        known = {"setting": asdict(each)} | {key: made[key] for key in MACHINE}
        try:
            entry = entries[name] | {"setting": asdict(Hyperparameters.from_json(entries[name]["setting"]))}
            cost = Cost(**entry["cost"])
            current = known == {key: entry[key] for key in known} and cost.times > 0
        except (AttributeError, KeyError, TypeError, UserError):
            current = False
        if not current:
            cost = measure({BASELINE: hparams[BASELINE], name: each}, images, REPEATS, lambda _: None)[name]
            entries[name] = known | {"git_commit": made["git_commit"], "cost": cost._asdict()}
            write_json(path, entries)
        costs[name] = cost
    return costs


def _read_entries(path: Path) -> dict[str, Any]:
    """Read the entries of a JSON file by change; none if it is missing or unreadable."""
    try:
        entries = json.loads(read_limited(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}
