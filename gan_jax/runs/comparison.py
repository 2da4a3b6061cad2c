"""Comparison of runs, read from their directories: tables as plain data, and as text, CSV, Markdown and a figure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.analysis import tables
from gan_jax.analysis.intervals import Interval
from gan_jax.analysis.judgement import with_largest_share
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed, metrics_of
from gan_jax.analysis.table_formats import as_csv, as_markdown, as_text
from gan_jax.errors import UserError
from gan_jax.plotting import figures
from gan_jax.runs.find_run import find_run
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.data_frames import load_pandas
from gan_jax.utils.files import save_figure, write_text
from gan_jax.utils.text import printable

if TYPE_CHECKING:
    import pandas as pd

# Columns that every run has, however old.
REQUIRED = ("discriminator_loss", "generator_loss", "fake_probability", "generator_gradient_norm")


@dataclass(frozen=True)
class Comparison:
    """Tables of runs after their last epoch, by group of runs that differ in the seed alone; print it to see them."""

    seeds: Mapping[str, Sequence[int]]  # of each group
    values: Mapping[str, Mapping[str, Interval]]  # by group and column of metrics.csv
    # From the first group, by each other group and column; NaN where `notes` say that the two cannot be compared.
    differences: Mapping[str, Mapping[str, Interval]]
    notes: Sequence[str]  # how to read the tables
    text: str  # the tables as text

    def __str__(self) -> str:
        return self.text

    def to_pandas(self) -> "pd.DataFrame":
        """Return the values and differences as a data frame, a row for each group and column of metrics.csv.

        Raises:
            UserError: if pandas is not installed.
        """
        rows = []
        for group, columns in self.values.items():
            for name, value in columns.items():
                row = {"run": group, "seeds": len(self.seeds[group]), "metric": name, "mean": value.mean}
                row |= {"spread": value.spread, "geometric": value.geometric, "n": value.n}
                if (change := self.differences.get(group, {}).get(name)) is not None:
                    row |= {"difference": change.mean, "difference_spread": change.spread}
                rows.append(row)
        return load_pandas().DataFrame(rows)


def read_run(path: Path, epochs: int | None = None) -> LoadedRun:
    """Read a run from its directory, up to the epoch `epochs` or to its last.

    Raises:
        UserError: if there is none, or it has no finished epoch or no samples.
    """
    folder = RunDir(find_run(path))
    config, metrics = folder.read_config(), folder.read_metrics(REQUIRED)
    if config is None:
        raise UserError(f"{path} is not a run directory: it contains no config.json")
    if not metrics:
        raise UserError(f"{path} contains no completed epoch")
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


def compare(runs: Sequence[LoadedRun], out: Path | None = None, title: str | None = None) -> Comparison:
    """Compare runs, grouped by seed.

    Args:
        runs: the runs, those of the baseline first.
        out: directory in which to write comparison.csv, .md and .png; None to write nothing.
        title: title of the figure; None for the names of the groups.

    Raises:
        UserError: if there is no run, one is given twice, or `out` cannot be written.
    """
    if not runs:
        raise UserError("give one run at least")
    if len({Path(run.path).resolve() for run in runs}) < len(runs):
        raise UserError("the same run is given twice: a comparison counts each run once")
    groups = group_by_seed(runs)
    if out is not None:
        _write(groups, out, " against ".join(groups) if title is None else title)
    names = list(groups)
    return Comparison(
        seeds=seeds_of(groups),
        values=dict(zip(names, tables.table(groups), strict=True)),
        differences=dict(zip(names[1:], tables.differences(groups), strict=True)),
        notes=tables.footnotes(groups),
        text=as_text(groups),
    )


def seeds_of(groups: Groups) -> dict[str, list[int]]:
    """Return the seeds of each group, in the order of its runs."""
    return {name: [run.config.seed for run in runs] for name, runs in groups.items()}


def taken(comparison: Comparison) -> list[str]:
    """Say which seeds each group has, a line each."""
    return [
        f"{name}: {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
        for name, seeds in comparison.seeds.items()
    ]


def compare_and_print(runs: Sequence[LoadedRun], out: Path, title: str | None = None) -> None:
    """Compare runs as `compare` does, and print the seeds, the tables and where the files are."""
    comparison = compare(runs, out, title)
    print(printable("\n".join(taken(comparison))))
    print()
    print(printable(comparison.text))
    print(f"{out / 'comparison.png'}: losses, D(G(z)), gradient norms and samples; the table is beside it")
    if any(len(seeds) > 1 for seeds in comparison.seeds.values()):
        print("bold lines are means over the seeds; on logarithmic axes geometric means, or medians if a value is 0")


def _write(groups: Groups, out: Path, title: str) -> None:
    """Write comparison.csv, .md and .png."""
    samples = {
        name: figures.Sample(group[0].config.seed, group[0].sampled_epoch, group[0].samples)
        for name, group in groups.items()
    }
    try:
        save_figure(out / "comparison.png", figures.comparison(metrics_of(groups), samples, title))
        write_text(out / "comparison.csv", as_csv(groups))
        write_text(out / "comparison.md", as_markdown(groups))
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
