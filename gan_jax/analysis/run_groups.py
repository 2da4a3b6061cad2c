"""Groups of runs that differ only in the seed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.judgement import Judgement, judge
from gan_jax.analysis.metrics import Metrics
from gan_jax.config import Config


class LoadedRun(NamedTuple):
    """Run as read for comparisons, after the last epoch of its metrics."""

    config: Config
    metrics: Metrics
    samples: np.ndarray  # newest grid of samples, uint8 (height, width)
    sampled_epoch: int  # of that grid
    data: str = ""  # SHA-256 of the data set
    trainer: str = "jax"  # program that trained it
    path: str = ""  # its directory, which distinguishes runs of one name
    diverged: str = ""  # why training stopped, if a loss or gradient became non-finite

    @property
    def epochs(self) -> int:
        return int(self.metrics["epoch"][-1])

    @property
    def judgement(self) -> Judgement:
        return judge(self.config, self.metrics, self.diverged)


Groups = Mapping[str, Sequence[LoadedRun]]  # runs by the name that they share, the baseline first


def metrics_of(groups: Groups) -> dict[str, list[Metrics]]:
    """Collect each seed's metrics by group."""
    return {name: [run.metrics for run in runs] for name, runs in groups.items()}


def group_by_seed(runs: Sequence[LoadedRun]) -> dict[str, list[LoadedRun]]:
    """Group runs that differ only in the seed under their common name, in the order given.

    Runs with different hyperparameters, data, lengths or trainers are never grouped, nor are two runs of one seed.
    Groups that would share a name have their path, from the common directory, added to it.
    """
    groups: list[list[LoadedRun]] = []
    for run in runs:
        group = next((group for group in groups if _is_another_seed(run, group)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    names = [
        group[0].config.name.removesuffix(f"-seed_{group[0].config.seed}") if len(group) > 1 else group[0].config.name
        for group in groups
    ]
    paths: dict[str, list[str]] = {}
    for name, group in zip(names, groups, strict=True):
        paths.setdefault(name, []).append(os.path.abspath(group[0].path))
    found = {}
    for name, group in zip(names, groups, strict=True):
        if len(paths[name]) > 1:
            name = f"{name} ({os.path.relpath(group[0].path, os.path.commonpath(paths[name]))})"
        found[name] = group
    return found


def _is_another_seed(run: LoadedRun, group: Sequence[LoadedRun]) -> bool:
    """Return whether a run differs from those of a group only in the seed."""

    def rest(run: LoadedRun) -> tuple[Config, int, str, str]:
        return replace(run.config, name="run", seed=0, epochs=1), run.epochs, run.data, run.trainer

    return rest(run) == rest(group[0]) and run.config.seed not in [other.config.seed for other in group]
