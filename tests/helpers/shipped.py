"""Copies of shipped runs, as if they were trained otherwise, and the page of a directory."""

import shutil
from dataclasses import replace
from pathlib import Path

from experiments.homework import report
from experiments.homework.results import gather
from gan_jax.reports.page_model import Page
from gan_jax.runs.run_dir import RunDir

RESULTS = Path(report.SHIPPED)


def make_page_of(folder: Path, whole: bool = True) -> Page:
    """Make the page of the results in a directory."""
    return report.make_page(gather(folder), "a test", whole)


def copy_of_part_a(path: Path, seed: int, name: str | None = None, epochs: int = 100) -> Path:
    """Copy part_a's shipped run as if trained with another seed."""
    shutil.copytree(RESULTS / "part_a", path)
    folder = RunDir(path)
    config = folder.read_config()
    assert config is not None
    folder.write_config(replace(config, seed=seed, name=name or f"part_a-seed_{seed}"))
    folder.write_rows([row | {"generator_loss": row["generator_loss"] + seed} for row in folder.read_rows()[:epochs]])
    return path
