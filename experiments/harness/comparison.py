"""Comparison of runs: a table for the terminal, in CSV and in Markdown, and a figure."""

from collections.abc import Collection, Sequence
from pathlib import Path

from gan_jax.analysis.metrics import with_largest_share
from gan_jax.analysis.run_groups import LoadedRun, group_by_seed, metrics_of
from gan_jax.analysis.table_formats import as_csv, as_markdown, as_text
from gan_jax.errors import UserError
from gan_jax.plotting import figures
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.files import save_figure, write_text
from gan_jax.utils.text import printable

# Columns that every run has, however old.
REQUIRED = ("discriminator_loss", "generator_loss", "fake_probability", "generator_gradient_norm")


def read_run(path: Path, epochs: int | None = None) -> LoadedRun:
    """Read a run from its directory, up to the epoch `epochs` or to its last.

    Raises:
        UserError: if there is none, or it has no finished epoch or no samples.
    """
    if not path.is_dir():
        raise UserError(f"there is no directory {path}")
    folder = RunDir(path)
    config, metrics = folder.read_config(), folder.read_metrics(REQUIRED)
    if config is None or not metrics:
        raise UserError(f"{path} contains no run with a completed epoch")
    metrics = with_largest_share({name: column[:epochs] for name, column in metrics.items()})
    sampled = [epoch for epoch in folder.sampled_epochs() if epoch <= metrics["epoch"][-1]]
    if not sampled:
        raise UserError(f"{path} contains no samples")
    manifest = folder.read_manifest()
    return LoadedRun(
        config=config,
        metrics=metrics,
        samples=folder.read_sample(sampled[-1]),
        sampled_epoch=sampled[-1],
        data=manifest.get("data_sha256", ""),
        trainer=manifest.get("trainer", JAX),
        path=str(path),
        diverged=manifest.get("diverged", ""),
    )


def read_baseline(path: Path, run: LoadedRun, changed: Collection[str]) -> LoadedRun:
    """Read the baseline of a part's run, up to the run's last epoch.

    Args:
        path: directory of the baseline.
        run: run of the part.
        changed: fields of the configuration that the part changes; all others must agree.

    Raises:
        UserError: if there is no run, or it differs in another field, which the message names.
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
    """Read the baselines of a part's runs; return those that can be compared, and why the others cannot."""
    baselines, missing = [], []
    for path, run in zip(paths, runs, strict=True):
        try:
            baselines.append(read_baseline(path, run, changed))
        except UserError as error:
            missing.append(str(error))
    return baselines, missing


def compare(runs: Sequence[LoadedRun], folder: Path, title: str) -> None:
    """Print the table of runs grouped by seed, and write comparison.csv, .md and .png into `folder`.

    Raises:
        UserError: if a run is given twice or `folder` cannot be written.
    """
    if len({Path(run.path).resolve() for run in runs}) < len(runs):
        raise UserError("the same run is given twice: a comparison counts each run once")
    groups = group_by_seed(runs)
    samples = {
        name: figures.Sample(group[0].config.seed, group[0].sampled_epoch, group[0].samples)
        for name, group in groups.items()
    }
    try:
        save_figure(folder / "comparison.png", figures.comparison(metrics_of(groups), samples, title))
        write_text(folder / "comparison.csv", as_csv(groups))
        write_text(folder / "comparison.md", as_markdown(groups))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error
    print(printable(as_text(groups)))
    print(f"{folder / 'comparison.png'}: losses, D(G(z)), gradient norms and samples; the table is beside it")
    if any(len(group) > 1 for group in groups.values()):
        print("bold lines are means over the seeds; on logarithmic axes geometric means, or medians if a value is 0")
