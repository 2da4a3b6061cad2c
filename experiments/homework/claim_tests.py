"""Tests of the homework's claims about its parts, by the metrics after the last epoch.

A single run differs from its baseline by more than chance if it lies outside the 95 % prediction interval of the
baseline's seeds; several seeds do if the 95 % interval of the difference of means excludes zero. With one seed of each,
chance cannot be ruled out.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.homework.parts import Part
from gan_jax.analysis.intervals import difference, interval, prediction
from gan_jax.analysis.metrics import METRICS
from gan_jax.analysis.run_groups import Groups, LoadedRun
from gan_jax.analysis.saturation import DEAD_PROBABILITY, DEAD_RATIO
from gan_jax.evaluation.mode_collapse import DOMINANT_SHARE

CLASSES = 10
AMONG_DIGITS = 0.5  # a precision above which most samples are digits

# A G that makes one sharp digit has precision and density, too: they do not count as gains.
TESTED = ("frechet", "precision", "recall", "density", "coverage", "kl_to_uniform", "digit_share_1")
NO_GAINS = ("precision", "density")


class Finding(NamedTuple):
    """Comparison of a metric of a part's runs with its baseline's."""

    name: str  # one of TESTED
    own: float  # mean over the part's seeds
    baseline: float  # mean over the baseline's seeds
    spread: float  # half width of the interval; NaN with one seed of each
    differs: bool  # the means are further apart than that
    better: bool  # the part's mean is closer to the best value

    @property
    def text(self) -> str:
        """Text with both means and the interval."""
        metric = METRICS[self.name]
        form = metric.format.format
        within = f" ± {form(self.spread)}" if math.isfinite(self.spread) else ""
        return f"{metric.label} {form(self.own)} against {form(self.baseline)}{within}"


def findings(groups: Groups) -> dict[str, Finding]:
    """Compare a part's runs with a baseline's by each metric of TESTED that both have."""
    baseline_runs, own_runs = groups.values()
    found = {}
    for name in TESTED:
        own, baseline = (_last_values(runs, name) for runs in (own_runs, baseline_runs))
        if own and baseline:
            means = float(np.mean(own)), float(np.mean(baseline))
            spread = _spread(own, baseline)
            # Exactly equal seeds, such as zeros early in training, do not show how much seeds differ.
            differs = spread > 0 and abs(means[0] - means[1]) > spread
            found[name] = Finding(name, *means, spread, differs, _is_better(*means, METRICS[name].best))
    return found


def _spread(own: Sequence[float], baseline: Sequence[float]) -> float:
    if min(len(own), len(baseline)) > 1:
        return difference(own, baseline).spread
    return prediction(max(own, baseline, key=len)).spread  # for the single run, by the seeds of the other group


def _is_better(own: float, baseline: float, best: float | None) -> bool:
    assert best is not None  # for each metric of TESTED
    return own > baseline if math.isinf(best) else abs(own - best) < abs(baseline - best)


def _last_values(runs: Sequence[LoadedRun], name: str) -> list[float]:
    """Return a column's last value for each run in which it was measured."""
    values = [float(run.metrics[name][-1]) for run in runs if name in run.metrics]
    return [value for value in values if math.isfinite(value)]


def claim_test(part: Part, runs: Sequence[LoadedRun], groups: Groups) -> str:
    """Say whether the part's claim held, with the numbers that show it.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: the baseline's runs and these; empty without a baseline.
    """
    epochs, claimed = runs[0].epochs, part.config.epochs
    so_far = f"After {epochs} of {claimed} epochs: " if epochs < claimed else ""
    if part.expects == "learns":
        return so_far + _test_learning(runs)
    tests = {"dies": _test_saturation, "collapses to ones": _test_ones, "improves": _test_improvement}
    return so_far + tests[part.expects](groups)


def _outcome(outcomes: Sequence[bool], claim: str) -> str:
    """Say in how many of the seeds a claim held."""
    held = sum(outcomes)
    if len(outcomes) == 1:
        return f"The claim that {claim} {'held' if held else 'did not hold'} in this run"
    return f"The claim that {claim} held in {held} of {len(outcomes)} seeds"


def _test_learning(runs: Sequence[LoadedRun]) -> str:
    claim = "it learns to write digits"
    precision, classes = (_last_values(runs, name) for name in ("precision", "classes_covered"))
    if not precision or not classes:
        return f"The claim that {claim} is open: its samples were not measured."
    outcomes = [share > AMONG_DIGITS for share in precision]
    return (
        f"{_outcome(outcomes, claim)}, as far as numbers show: {percent(float(np.mean(precision)))} of the samples are "
        f"close to real digits (precision), and {np.mean(classes):.3g} of {CLASSES} classes each make up at least 1 %."
    )


def _test_saturation(groups: Groups) -> str:
    baseline, own = groups.values()
    usual = interval(_last_values(baseline, "generator_gradient_norm"), geometric=True).mean
    outputs, norms = (_last_values(own, name) for name in ("fake_probability", "generator_gradient_norm"))
    outcomes = [
        output < DEAD_PROBABILITY and norm * DEAD_RATIO < usual for output, norm in zip(outputs, norms, strict=True)
    ]
    text = (
        f"{_outcome(outcomes, 'it does not train')}: the mean D(G(z)) is {_range(outputs)}, and the norm of G's "
        f"gradient {_range(norms)} against {usual:.2g}"
    )
    distance = findings(groups).get("frechet")
    return f"{text}{'' if distance is None else f'; {distance.text}'}.{_caution(baseline, own)}"


def _range(values: Sequence[float]) -> str:
    least, most = f"{min(values):.2g}", f"{max(values):.2g}"
    return least if least == most else f"from {least} to {most}"


def _test_ones(groups: Groups) -> str:
    baseline, own = groups.values()
    claim = "it drifts towards the digit 1 alone"
    found = findings(groups).get("digit_share_1")
    if found is None:
        return f"The claim that {claim} is open: its samples were not measured."
    outcomes = [share >= DOMINANT_SHARE for share in _last_values(own, "digit_share_1")]
    chance = ""
    if math.isfinite(found.spread):
        chance = f", a difference that is{'' if found.differs else ' not'} more than chance allows"
    return f"{_outcome(outcomes, claim)}: {found.text}{chance}.{_caution(baseline, own)}"


def _caution(baseline: Sequence[LoadedRun], own: Sequence[LoadedRun]) -> str:
    single = len(baseline) == len(own) == 1
    return " With one seed of each, chance cannot be ruled out." if single else ""


def _test_improvement(groups: Groups) -> str:
    baseline, own = groups.values()
    name = next(iter(groups))
    claim = f"The claim that it improves on {name}"
    found = list(findings(groups).values())
    if not found:
        return f"{claim} is open: the samples of both were not measured."
    if len(baseline) == len(own) == 1:
        return f"{claim} is open: with one seed of each, chance cannot be ruled out. Measured: {_list(found)}."
    better = [each for each in found if each.differs and each.better and each.name not in NO_GAINS]
    worse = [each for each in found if each.differs and not each.better]
    higher = [each for each in found if each.differs and each.better and each.name in NO_GAINS]
    if better and worse:
        outcome = f"held in part: better in {_list(better)}; worse in {_list(worse)}"
    elif better:
        outcome = f"held: better in {_list(better)}, and worse in none of the {len(found)} measurements"
    elif worse:
        outcome = f"did not hold: worse in {_list(worse)}, and better in none{' that counts' if higher else ''}"
    else:
        outcome = f"did not hold: no difference was found in {_list([each for each in found if not each.differs])}"
    sentences = [f"{claim} {outcome}."]
    if higher:
        sentences.append(f"Higher precision or density alone is no gain, as few sharp digits give it: {_list(higher)}.")
    return " ".join([*sentences, _explain_intervals(len(baseline), len(own), len(found), name)])


def _list(found: Sequence[Finding]) -> str:
    return ", ".join(each.text for each in found)


def _explain_intervals(theirs: int, ours: int, count: int, name: str) -> str:
    """Explain how the intervals were computed, and how often they are exceeded by chance."""
    if min(theirs, ours) > 1:
        kind = f"interval of the difference of means (Welch's t, {ours} seeds against {theirs})"
    else:
        source = f"{theirs} seeds of {name}" if theirs > 1 else f"the part's {ours} seeds"
        kind = f"prediction interval of a single run from {source} (Student's t)"
    return f"Each ± is a 95 % {kind}; by chance alone, each of {count} measurements lies outside one time in 20."


def percent(share: float) -> str:
    """Format a share as a percentage, as in the README."""
    return f"{100 * share:.0f} %"
