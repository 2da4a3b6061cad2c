"""Configurations and options become trained runs, their comparisons, and what is told of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax

from experiments.changes import lasting
from experiments.comparing import compare, read_baselines, read_run
from experiments.environment import prepare
from experiments.inputs import habits_of, source_of
from experiments.options import RunOptions, configure
from experiments.parts import PARTS, Part
from experiments.progress import listener, say
from gan_jax import runs
from gan_jax.compare import explain_saturation
from gan_jax.config import Config, require_run_name
from gan_jax.errors import DivergedError
from gan_jax.exchange import leads
from gan_jax.run_folder import RunFolder


def train_seeds(base: Config, options: RunOptions) -> list[RunFolder]:
    """Train a configuration with each seed that the options ask for; a host that follows another has no folders."""
    configs, habits = configure(base, options), habits_of(options)
    summary = _summary_name(configs) if len(configs) > 1 else None  # a name too long is refused before training
    prepare(options.platform)
    source = source_of(options)
    # On a CPU one after another: each seed then gives the bits that it gives alone, and nothing is left idle.
    together = len(configs) > 1 and jax.default_backend() != "cpu"
    devices = options.devices
    if devices is None:
        devices = 1 if jax.process_count() == 1 else jax.device_count()
    try:
        folders = runs.train(configs, source, options.out, habits, listener(), together=together, devices=devices)
    except DivergedError:
        every = [RunFolder(options.out / config.name) for config in configs]
        whole = [folder for folder in every if "params_sha256" in folder.read_manifest()]
        if summary is not None and whole and leads():
            counted = f"{len(whole)} of {len(every)} seeds: without those that diverged"
            say(counted)
            _summarise(whole, options.out / summary, f"{base.name}, {counted}")
        raise
    tell(folders)
    if summary is not None and leads():
        _summarise(folders, options.out / summary, f"{base.name}, {len(folders)} seeds")
    return folders


def _summarise(folders: Sequence[RunFolder], summary: Path, title: str) -> None:
    """What several seeds have in common."""
    compare([read_run(folder.path) for folder in folders], summary, title)


def _summary_name(configs: Sequence[Config]) -> str:
    """The folder for what several seeds have in common: part_a-seeds_0-4 or part_a-seeds_3_7."""
    seeds = [config.seed for config in configs]
    in_order = seeds == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]}-{seeds[-1]}" if in_order else "_".join(map(str, seeds))
    name = f"{configs[0].name.removesuffix(f'-seed_{seeds[0]}')}-seeds_{listed}"
    require_run_name(name)
    return name


def tell(folders: list[RunFolder]) -> None:
    """Say where finished runs are, and which bits they ended with."""
    for folder in folders:
        say(f"Done: figures, samples and metrics are in {folder.path}")
        say(f"SHA-256 of the parameters: {folder.read_manifest()['params_sha256']}")


def run_part(part: Part, options: RunOptions) -> None:
    """Train a part and compare it with its baseline, as far as that was made with the same options."""
    base = part.config if options.epochs is None else lasting(part.config, options.epochs)
    configs = configure(base, options)
    name = configs[0].name
    if part.baseline is not None and len(configs) > 1:  # in no seed's own folder
        name = f"{_summary_name(configs)}-against-{part.baseline}"
        require_run_name(name)  # a name too long is refused before training
    folders = train_seeds(base, options)
    if part.baseline is None or not folders:
        return
    found = [read_run(folder.path) for folder in folders]
    baseline = PARTS[part.baseline].config
    paths = [options.out / config.name for config in configure(baseline, replace(options, name=None))]
    baselines, missing = read_baselines(paths, found, part.changes)
    make = f"Make it: ./run.sh {baseline.name}, with the same options."
    for reason in missing:
        say(f"No comparison with {baseline.name}: {reason}. {make}")
    if not baselines:
        return
    compare([*baselines, *found], options.out / name, f"{part.config.name} against {baseline.name}")
    if part.config.setting.loss == "saturating":
        run, other = found[0], baselines[0]
        say(explain_saturation(run.config.name, run.metrics, other.config.name, other.metrics))
