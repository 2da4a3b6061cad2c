"""Runs against each other: a table for the terminal, CSV and Markdown, and a figure."""

from collections.abc import Sequence
from pathlib import Path

from gan_jax import figures
from gan_jax.compare import Run, as_csv, as_markdown, as_text, by_seed
from gan_jax.errors import UserError
from gan_jax.files import save_figure, write_text
from gan_jax.run_folder import RunFolder


def read_run(path: Path) -> Run:
    """A run from its folder. Raises UserError if there is none, or none with an epoch behind it."""
    folder = RunFolder(path)
    config, metrics = folder.read_config(), folder.read_metrics()
    if config is None or not metrics:
        raise UserError(f"{path} holds no run with an epoch behind it")
    epochs = folder.sampled_epochs()
    if not epochs:
        raise UserError(f"{path} holds no samples")
    return Run(config, metrics, folder.read_sample(epochs[-1]))


def compare(runs: Sequence[Run], folder: Path, title: str) -> None:
    """Print the table of some runs, those that differ in the seed alone together, and write it and the figure.

    Writes comparison.csv, comparison.md and comparison.png into `folder`.
    """
    groups = by_seed(runs)
    metrics = {name: [run.metrics for run in group] for name, group in groups.items()}
    samples = {name: (int(group[0].metrics["epoch"][-1]), group[0].samples) for name, group in groups.items()}
    try:
        save_figure(folder / "comparison.png", figures.comparison(metrics, samples, title))
        write_text(folder / "comparison.csv", as_csv(groups))
        write_text(folder / "comparison.md", as_markdown(groups))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error
    print(as_text(groups))
    if any(len(group) > 1 for group in groups.values()):
        print("mean ± half width of the 95 % interval (Student's t over the seeds; every run is counted)")
    print(f"{folder / 'comparison.png'}: losses, D(G(z)), gradient norms and samples; the table beside it")
