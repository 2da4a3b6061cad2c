"""Groups of runs that belong together, and in words what distinguishes a run from its baseline."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.metrics import Metrics
from gan_jax.config import Config

# Where D(G(z)) is below the one and G's gradient this many times below the baseline's, G has stopped learning.
DEAD_PROBABILITY = 1e-6
DEAD_RATIO = 1e4
FAINT_RATIO = 100


class LoadedRun(NamedTuple):
    """A run as comparisons see it, after the last of its metrics' epochs."""

    config: Config
    metrics: Metrics
    samples: np.ndarray  # its newest grid of samples, uint8 (height, width)
    sampled_epoch: int  # of that grid
    data: str = ""  # SHA-256 of its data set
    trainer: str = "jax"  # what trained it
    path: str = ""  # where it lies, which tells runs of one name apart

    @property
    def epochs(self) -> int:
        return int(self.metrics["epoch"][-1])


Groups = Mapping[str, Sequence[LoadedRun]]  # runs by the name that they share, the baseline first


def group_by_seed(runs: Sequence[LoadedRun]) -> dict[str, list[LoadedRun]]:
    """Runs that differ in the seed alone, together under the name that they share, in the order given.

    Runs of different settings, data, lengths or trainers are never taken together, nor are two of one seed: what would
    then share a name is told apart by its path from the folder that they have in common.
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
    return {
        name if len(paths[name]) == 1 else f"{name} ({_from_common_folder(group[0].path, paths[name])})": group
        for name, group in zip(names, groups, strict=True)
    }


def _from_common_folder(path: str, paths: Sequence[str]) -> str:
    return os.path.relpath(path, os.path.commonpath(paths))


def _is_another_seed(run: LoadedRun, group: Sequence[LoadedRun]) -> bool:
    """Tell whether a run differs from those of a group in the seed, and in nothing else that matters."""

    def rest(run: LoadedRun) -> tuple[Config, int, str, str]:
        return replace(run.config, name="run", seed=0, epochs=1), run.epochs, run.data, run.trainer

    return rest(run) == rest(group[0]) and run.config.seed not in [other.config.seed for other in group]


def explain_saturation(name: str, run: Metrics, baseline_name: str, baseline: Metrics) -> str:
    """Two sentences on why a run's generator learns or does not, against a baseline at the last epoch of both.

    Args:
        name, baseline_name: of the runs.
        run, baseline: their metrics, of at least one epoch each.
    """
    epoch = int(min(run["epoch"][-1], baseline["epoch"][-1]))
    verdict, baseline_verdict = (float(metrics["fake_probability"][epoch - 1]) for metrics in (run, baseline))
    norm, baseline_norm = (float(metrics["generator_gradient_norm"][epoch - 1]) for metrics in (run, baseline))
    ratio = math.inf if norm == 0 else baseline_norm / norm
    if verdict < DEAD_PROBABILITY and ratio > DEAD_RATIO:
        outcome = "G no longer learns: its gradient is in proportion to D(G(z)) and has vanished with it"
    elif ratio > FAINT_RATIO:
        outcome = "G hardly learns: its gradient has almost vanished"
    else:
        outcome = "G can learn from it"
    compared = f"{ratio:.2g} times less" if ratio >= 1 else f"{1 / ratio:.2g} times more"
    if 1 / 2 < ratio < 2:
        compared = "about the same"
    return (
        f"At epoch {epoch} the mean D(G(z)) is {verdict:.2g} in {name} and {baseline_verdict:.2g} in {baseline_name}. "
        f"The gradient that reaches G has norm {norm:.2g} against {baseline_norm:.2g}, {compared}, and "
        f"{outcome}."
    )
