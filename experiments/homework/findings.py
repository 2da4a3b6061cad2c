"""Comparisons of a part's runs with its baseline's, a metric at a time, by the values after the last epoch.

A single run differs from its baseline by more than chance if it lies outside the range in which one more run of the
baseline would fall with 95 % probability; several seeds do if the 95 % interval of the difference of means excludes
zero. With one seed of each, chance cannot be ruled out.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gan_jax.analysis.formats import format_interval, format_range
from gan_jax.analysis.intervals import Interval, difference, prediction
from gan_jax.analysis.metrics import METRICS
from gan_jax.analysis.run_groups import Groups, LoadedRun

TESTED = ("frechet", "precision", "recall", "density", "coverage", "kl_to_uniform", "digit_share_1")


class Finding(NamedTuple):
    """Comparison of a metric of a part's runs with its baseline's."""

    name: str  # one of TESTED
    own: tuple[float, ...]  # of the part's seeds
    baseline: tuple[float, ...]  # of the baseline's seeds
    expected: Interval | None  # range for one more run, if either has a single seed
    change: Interval  # difference of the means
    differs: bool  # by more than chance
    better: bool  # the part's mean is closer to the best value

    @property
    def has_interval(self) -> bool:
        """True if either group has several seeds, so that chance can be told from a difference."""
        return max(len(self.own), len(self.baseline)) > 1

    @property
    def text(self) -> str:
        """Text with both values and the interval."""
        metric = METRICS[self.name]
        form = metric.format.format
        text = f"{metric.label} {form(_mean(self.own))} against {form(_mean(self.baseline))}"
        if not self.has_interval:
            return text
        if self.expected is not None:
            return f"{text} (expected: {format_range(self.expected, metric.format)})"
        if self.change.spread > max(_mean(self.own), _mean(self.baseline)):  # the seeds themselves say more
            own, baseline = (", ".join(map(form, sorted(values))) for values in (self.own, self.baseline))
            return f"{metric.label} {own} against {baseline}"
        return f"{text} (difference {format_interval(self.change, metric.format.replace(':', ':+'))})"


def findings(groups: Groups) -> dict[str, Finding]:
    """Compare a part's runs with a baseline's by each metric of TESTED that both have."""
    baseline_runs, own_runs = groups.values()
    found = {}
    for name in TESTED:
        own, baseline = (last_values(runs, name) for runs in (own_runs, baseline_runs))
        if own and baseline:
            found[name] = _compare(name, own, baseline)
    return found


def last_values(runs: Sequence[LoadedRun], name: str) -> list[float]:
    """List a column's last value for each run in which it was measured."""
    values = [float(run.metrics[name][-1]) for run in runs if name in run.metrics]
    return [value for value in values if math.isfinite(value)]


def _compare(name: str, own: Sequence[float], baseline: Sequence[float]) -> Finding:
    metric = METRICS[name]
    assert metric.best is not None  # for each metric of TESTED
    means = _mean(own), _mean(baseline)
    change = difference(own, baseline)
    expected = prediction(max(baseline, own, key=len)) if min(len(own), len(baseline)) == 1 else None
    spread = change.spread if expected is None else expected.spread
    # Exactly equal seeds, such as zeros early in training, do not show how much seeds differ; and a difference that
    # cannot be seen in print is none.
    printed = {metric.format.format(mean) for mean in means}
    differs = spread > 0 and abs(means[0] - means[1]) > spread and len(printed) > 1
    return Finding(name, tuple(own), tuple(baseline), expected, change, differs, _is_better(*means, metric.best))


def _is_better(own: float, baseline: float, best: float) -> bool:
    return own > baseline if math.isinf(best) else abs(own - best) < abs(baseline - best)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
