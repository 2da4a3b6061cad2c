"""Training as the commands do it: each seed of a configuration, their summary, and the comparison with a baseline."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax

from experiments.harness.inputs import run_data_of, trainer_options_of
from experiments.harness.options import CommonOptions, RunOptions, configure, existing_path, other_name
from experiments.harness.runtime import prepare
from experiments.homework.parts import PARTS, Part
from experiments.improvements.variants import with_epochs
from gan_jax.analysis.saturation import explain_saturation
from gan_jax.config import Config, require_run_name
from gan_jax.distributed.collectives import is_main_process
from gan_jax.errors import DivergedError
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.comparison import compare_and_print, read_baselines, read_run
from gan_jax.runs.progress import progress_callbacks, say
from gan_jax.runs.run_dir import RunDir


def train_seeds(base: Config, options: RunOptions, callbacks: Callbacks | None = None) -> list[RunDir]:
    """Train a configuration with each seed that the options ask for; only the main process returns run directories."""
    configs, trainer_options = configure(base, options), trainer_options_of(options)
    summary = _summary_name(configs) if len(configs) > 1 else None  # a name too long is refused before training
    prepare(options.platform)
    data = run_data_of(options)
    # On a CPU one after another: each seed then gives the same bits as alone, and no core is idle in either case.
    together = len(configs) > 1 and jax.default_backend() != "cpu"
    devices = options.devices
    if devices is None:
        devices = 1 if jax.process_count() == 1 else jax.device_count()
    already = finished(configs, options) if is_main_process() else []
    if is_main_process():
        _mention_other_seed_0(configs, options.out)
    try:
        folders = trainer.train(
            configs,
            data,
            options.out,
            trainer_options,
            callbacks or progress_callbacks(),
            together=together,
            devices=devices,
        )
    except DivergedError:
        every = [RunDir(options.out / config.name) for config in configs]
        whole = [folder for folder in every if "params_sha256" in folder.read_manifest()]
        if summary is not None and whole and is_main_process():
            counted = f"{len(whole)} of {len(every)} seeds, without those that diverged"
            say(counted)
            _summarize(whole, options.out / summary, f"{base.name}, {counted}")
        raise
    report_done(folders, already)
    if summary is not None and is_main_process():
        _summarize(folders, options.out / summary, f"{base.name}, {len(folders)} seeds")
    return folders


def _summarize(folders: Sequence[RunDir], summary: Path, title: str) -> None:
    """Write the summary of several seeds."""
    compare_and_print([read_run(folder.path) for folder in folders], summary, title)


def _summary_name(configs: Sequence[Config]) -> str:
    """Name the directory for the summary of several seeds: part_a-seeds_0-4 or part_a-seeds_3_7."""
    seeds = [config.seed for config in configs]
    in_order = seeds == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]}-{seeds[-1]}" if in_order else "_".join(map(str, seeds))
    name = f"{configs[0].name.removesuffix(f'-seed_{seeds[0]}')}-seeds_{listed}"
    require_run_name(name)
    return name


def finished(configs: Sequence[Config], options: CommonOptions) -> list[Path]:
    """List the directories of the runs that need no training, since they are finished."""
    folders = [(config, RunDir(options.out / config.name)) for config in configs if not options.overwrite]
    return [folder.path for config, folder in folders if folder.read_manifest().get("epochs") == config.epochs]


def _mention_other_seed_0(configs: Sequence[Config], out: Path) -> None:
    """Say that seed 0, which was trained alone, is trained again under the name that it has among several seeds."""
    for config in configs:
        other = other_name(config) if len(configs) > 1 else None
        if other is not None and not (out / config.name).exists() and (out / other / "config.json").is_file():
            say(f"{out / other} stays as it is: with --seeds, seed 0 is trained as {config.name}")


def report_done(folders: list[RunDir], already: Sequence[Path] = ()) -> None:
    """Print where runs are, which were finished before, and the digests of their parameters.

    Args:
        folders: the directories of all runs, finished by now.
        already: those of them that needed no training.
    """
    for folder in folders:
        what = "Already finished" if folder.path in already else "Done"
        say(f"{what}: figures, samples and metrics are in {folder.path}")
        say(f"SHA-256 of the parameters: {folder.read_manifest()['params_sha256']}")


def run_part(part: Part, options: RunOptions, callbacks: Callbacks | None = None) -> None:
    """Train a part and compare it with its baseline, if that was trained with the same options."""
    base = part.config if options.epochs is None else with_epochs(part.config, options.epochs)
    configs = configure(base, options)
    name = configs[0].name
    if part.baseline is not None and len(configs) > 1:  # not in the directory of any one seed
        name = f"{_summary_name(configs)}-against-{part.baseline}"
        require_run_name(name)  # a name too long is refused before training
    folders = train_seeds(base, options, callbacks)
    if part.baseline is None or not folders:
        return
    found = [read_run(folder.path) for folder in folders]
    baseline = PARTS[part.baseline].config
    paths = [existing_path(options.out, config) for config in configure(baseline, replace(options, name=None))]
    baselines, missing = read_baselines(paths, found, part.changes)
    make = f"Train it with: ./run.sh {baseline.name}, and the same options."
    for reason in missing:
        say(f"No comparison with {baseline.name}: {reason}. {make}")
    if not baselines:
        return
    compare_and_print([*baselines, *found], options.out / name, f"{part.config.name} against {baseline.name}")
    if part.config.hparams.loss == "saturating":
        run, other = found[0], baselines[0]
        say(explain_saturation(run.config.name, run, other.config.name, other))
