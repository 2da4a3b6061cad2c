"""Metrics of runs as one data frame."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.config import Config
from gan_jax.errors import UserError
from gan_jax.runs.find_run import find_run
from gan_jax.runs.run_dir import MetricsRow, RunDir
from gan_jax.utils.data_frames import load_pandas

if TYPE_CHECKING:
    import pandas as pd


def metrics_frame(paths: Sequence[Path]) -> "pd.DataFrame":
    """Make a data frame with a row for each run and epoch, as `gan_jax.metrics_frame` documents.

    Raises:
        UserError: if there is no run at a path, or pandas is not installed.
    """
    pandas = load_pandas()
    runs = [_read(path) for path in paths]
    differing = _differing([config for config, _ in runs])
    rows = []
    for config, metrics in runs:
        flat = config.flat()
        facts = {"run": config.name, "seed": config.seed} | {name: flat[name] for name in differing}
        rows += [facts | row for row in metrics]
    return pandas.DataFrame(rows)


def _read(path: Path) -> tuple[Config, list[MetricsRow]]:
    folder = RunDir(find_run(path))
    config = folder.read_config()
    if config is None:
        raise UserError(f"{path} is not a run directory: it contains no config.json")
    return config, folder.read_rows()


def _differing(configs: Sequence[Config]) -> list[str]:
    """List the fields of the configurations that are not the same in all, without name and seed."""
    values: dict[str, set[Any]] = {}
    for config in configs:
        for name, value in config.flat().items():
            values.setdefault(name, set()).add(value)
    return [name for name, found in values.items() if len(found) > 1 and name not in ("name", "seed", "epochs")]
