"""Runs against each other: a table for the terminal, CSV and Markdown, and a figure."""

from collections.abc import Collection, Sequence
from pathlib import Path

from gan_jax.analysis.run_groups import LoadedRun, group_by_seed
from gan_jax.analysis.tables import as_csv, as_markdown, as_text
from gan_jax.errors import UserError
from gan_jax.plotting import figures, panels
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.files import save_figure, write_text
from gan_jax.utils.text import printable


def read_run(path: Path, epochs: int | None = None) -> LoadedRun:
    """A run from its folder, as it was after so many epochs, or after all that it has behind it.

    Raises:
        UserError: if there is none, or none with an epoch behind it and samples drawn.
    """
    if not path.is_dir():
        raise UserError(f"there is no folder {path}")
    folder = RunDir(path)
    config, metrics = folder.read_config(), folder.read_metrics(tuple(panels.CURVES))
    if config is None or not metrics:
        raise UserError(f"{path} holds no run with an epoch behind it")
    metrics = {name: column[:epochs] for name, column in metrics.items()}
    sampled = [epoch for epoch in folder.sampled_epochs() if epoch <= metrics["epoch"][-1]]
    if not sampled:
        raise UserError(f"{path} holds no samples")
    manifest = folder.read_manifest()
    return LoadedRun(
        config=config,
        metrics=metrics,
        samples=folder.read_sample(sampled[-1]),
        sampled_epoch=sampled[-1],
        data=manifest.get("data_sha256", ""),
        trainer=manifest.get("trainer", JAX),
        path=str(path),
    )


def read_baseline(path: Path, run: LoadedRun, changed: Collection[str]) -> LoadedRun:
    """The baseline of a part's run, at the same epoch.

    Args:
        path: of the baseline.
        run: the part's.
        changed: what the part changes in its baseline, by the configuration's names: all else must agree.

    Raises:
        UserError: if there is none that was made with the same options, with the difference.
    """
    baseline = read_run(path, run.epochs)
    there, here = (each.config.flat() | {"epochs": each.epochs, "data": each.data[:12]} for each in (baseline, run))
    for name in here:
        if name not in ("name", *changed) and there[name] != here[name]:
            raise UserError(f"{name} is {there[name]} in {path}, {here[name]} in {run.path}")
    return baseline


def read_baselines(
    paths: Sequence[Path], runs: Sequence[LoadedRun], changed: Collection[str]
) -> tuple[list[LoadedRun], list[str]]:
    """The baselines of a part's runs that there are, and for each of the others why there is none."""
    baselines, missing = [], []
    for path, run in zip(paths, runs, strict=True):
        try:
            baselines.append(read_baseline(path, run, changed))
        except UserError as error:
            missing.append(str(error))
    return baselines, missing


def compare(runs: Sequence[LoadedRun], folder: Path, title: str) -> None:
    """Print the table of some runs, those that differ in the seed alone together, and write it and the figure.

    Writes comparison.csv, comparison.md and comparison.png into `folder`.
    """
    if len({Path(run.path).resolve() for run in runs}) < len(runs):
        raise UserError("a run is named twice: a comparison counts each run once")
    groups = group_by_seed(runs)
    metrics = {name: [run.metrics for run in group] for name, group in groups.items()}
    samples = {
        name: figures.Sample(group[0].config.seed, group[0].sampled_epoch, group[0].samples)
        for name, group in groups.items()
    }
    try:
        save_figure(folder / "comparison.png", figures.comparison(metrics, samples, title))
        write_text(folder / "comparison.csv", as_csv(groups))
        write_text(folder / "comparison.md", as_markdown(groups))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error
    print(printable(as_text(groups)))
    print(f"{folder / 'comparison.png'}: losses, D(G(z)), gradient norms and samples; the table beside it")
    if any(len(group) > 1 for group in groups.values()):
        print("its bold lines: means over seeds, on logarithmic axes geometric, or medians where a seed has a zero")
