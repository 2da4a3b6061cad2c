"""Tests of the homework's claims about its parts, by the metrics after the last epoch.

A run differs from its baseline by more than chance where it lies outside the 95 % prediction interval of a single run
over the baseline's seeds, or, of several seeds, where the 95 % interval of the difference of means is without zero.
With one seed of each nothing can be told apart from chance.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.homework.parts import Part
from gan_jax.analysis.intervals import difference, interval, prediction
from gan_jax.analysis.run_groups import DEAD_PROBABILITY, DEAD_RATIO, Groups, LoadedRun
from gan_jax.evaluation.mode_collapse import DOMINANT_SHARE

CLASSES = 10
EVEN = 1 / CLASSES  # a digit's share of the samples where all are as frequent
AMONG_DIGITS = 0.5  # a precision above which most samples are digits


class Measure(NamedTuple):
    """A column of metrics.csv by which runs are judged."""

    name: str
    title: str
    form: str
    best: float  # the value that is best
    gains: bool = True  # whether nearer to it is better; a G of one sharp digit has precision and density, too


MEASURES = (
    Measure("frechet", "Fréchet distance", "{:.0f}", 0),
    Measure("precision", "precision", "{:.3f}", 1, gains=False),
    Measure("recall", "recall", "{:.2f}", 1),
    Measure("density", "density", "{:.2f}", math.inf, gains=False),
    Measure("coverage", "coverage", "{:.2f}", 1),
    Measure("kl_to_uniform", "KL to uniform", "{:.2f}", 0),
    Measure("digit_share_1", "share of ones", "{:.2f}", EVEN),
)


class Finding(NamedTuple):
    """A measurement of a part's runs beside its baseline's."""

    measure: Measure
    here: float  # the mean over the part's seeds
    there: float  # over the baseline's
    spread: float  # how far apart the two may lie by chance; NaN with one seed of each
    differs: bool  # by more than that
    nearer: bool  # the part is nearer to the best

    @property
    def text(self) -> str:
        """In words."""
        form = self.measure.form.format
        within = f" ± {form(self.spread)}" if math.isfinite(self.spread) else ""
        return f"{self.measure.title} {form(self.here)} against {form(self.there)}{within}"


def findings(groups: Groups) -> dict[str, Finding]:
    """Compare a part's runs with a baseline's by each of `MEASURES` that both have."""
    baseline, own = groups.values()
    found = {}
    for measure in MEASURES:
        here, there = (last_values(runs, measure.name) for runs in (own, baseline))
        if here and there:
            means = float(np.mean(here)), float(np.mean(there))
            spread = _spread(here, there)
            # Seeds that are equal to the digit, as zeros are early on, do not tell how far seeds spread.
            differs = spread > 0 and abs(means[0] - means[1]) > spread
            found[measure.name] = Finding(measure, *means, spread, differs, _nearer(*means, measure.best))
    return found


def _spread(here: Sequence[float], there: Sequence[float]) -> float:
    if min(len(here), len(there)) > 1:
        return difference(here, there).spread
    return prediction(max(here, there, key=len)).spread  # of the many for the single one


def _nearer(here: float, there: float, best: float) -> bool:
    return here > there if math.isinf(best) else abs(here - best) < abs(there - best)


def last_values(runs: Sequence[LoadedRun], name: str) -> list[float]:
    """A column after the last epoch, of those of the runs that were measured."""
    values = [float(run.metrics[name][-1]) for run in runs if name in run.metrics]
    return [value for value in values if math.isfinite(value)]


def claim_test(part: Part, runs: Sequence[LoadedRun], groups: Groups) -> str:
    """Tell whether the part's claim held, and by which numbers.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: its baseline's runs and these, as `findings` takes them; empty without a baseline.
    """
    epochs, claimed = runs[0].epochs, part.config.epochs
    so_far = f"After {epochs} of {claimed} epochs: " if epochs < claimed else ""
    if part.expects == "learns":
        return so_far + _of_digits(runs)
    tests: dict[str, Callable[[Groups], str]] = {"dies": _of_death, "collapses to ones": _of_ones}
    return so_far + tests.get(part.expects, _of_improvement)(groups)


def _told(outcomes: Sequence[bool], claim: str) -> str:
    """Say how many of the seeds bear a claim out."""
    held = sum(outcomes)
    if len(outcomes) == 1:
        return f"The claim that {claim} {'held' if held else 'did not hold'} in this run"
    return f"The claim that {claim} held in {held} of {len(outcomes)} seeds"


def _of_digits(runs: Sequence[LoadedRun]) -> str:
    claim = "it learns to write digits"
    precision, classes = (last_values(runs, name) for name in ("precision", "classes_covered"))
    if not precision or not classes:
        return f"Whether the claim that {claim} held is open: its samples were not measured."
    outcomes = [share > AMONG_DIGITS for share in precision]
    return (
        f"{_told(outcomes, claim)}, as far as numbers tell: {percent(float(np.mean(precision)))} of the samples lie "
        f"among the digits (precision), and {np.mean(classes):.3g} of {CLASSES} classes make up 1 % or more."
    )


def _of_death(groups: Groups) -> str:
    baseline, own = groups.values()
    usual = interval([_norm(run) for run in baseline], geometric=True).mean
    outcomes = [_verdict_of_d(run) < DEAD_PROBABILITY and _norm(run) * DEAD_RATIO < usual for run in own]
    claim_tests, norms = ([of(run) for run in own] for of in (_verdict_of_d, _norm))
    told = (
        f"{_told(outcomes, 'it does not train')}: the mean D(G(z)) is {_range(claim_tests)}, and the norm of G's "
        f"gradient {_range(norms)} against {usual:.2g}"
    )
    distance = findings(groups).get("frechet")
    return f"{told}{'' if distance is None else f'; {distance.text}'}.{_single(baseline, own)}"


def _verdict_of_d(run: LoadedRun) -> float:
    return float(run.metrics["fake_probability"][-1])


def _norm(run: LoadedRun) -> float:
    return float(run.metrics["generator_gradient_norm"][-1])


def _range(values: Sequence[float]) -> str:
    least, most = f"{min(values):.2g}", f"{max(values):.2g}"
    return least if least == most else f"from {least} to {most}"


def _of_ones(groups: Groups) -> str:
    baseline, own = groups.values()
    claim = "it drifts towards the digit 1 alone"
    found = findings(groups).get("digit_share_1")
    if found is None:
        return f"Whether the claim that {claim} held is open: its samples were not measured."
    outcomes = [share >= DOMINANT_SHARE for share in last_values(own, "digit_share_1")]
    chance = ""
    if math.isfinite(found.spread):
        chance = f", which is{'' if found.differs else ' not'} more than chance allows"
    return f"{_told(outcomes, claim)}: {found.text}{chance}.{_single(baseline, own)}"


def _single(baseline: Sequence[LoadedRun], own: Sequence[LoadedRun]) -> str:
    alone = len(baseline) == len(own) == 1
    return " With one seed of each it cannot be told apart from chance." if alone else ""


def _of_improvement(groups: Groups) -> str:
    baseline, own = groups.values()
    name = next(iter(groups))
    claim = f"The claim that it improves on {name}"
    found = list(findings(groups).values())
    if not found:
        return f"{claim} is open: the samples of both were not measured."
    if len(baseline) == len(own) == 1:
        return f"{claim} is open: with one seed of each it cannot be told apart from chance. {_listed(found)}."
    different = [each for each in found if each.differs]
    better = [each for each in different if each.nearer and each.measure.gains]
    worse = [each for each in different if not each.nearer]
    bought = [each for each in different if each.nearer and not each.measure.gains]
    sentences = [f"{claim} {_judgement(found, better, worse)}."]
    if bought:
        sentences.append(f"Higher, as under a G of few sharp digits, and no gain by itself: {_listed(bought)}.")
    return " ".join([*sentences, _meaning(len(baseline), len(own), len(found), name)])


def _judgement(found: Sequence[Finding], better: Sequence[Finding], worse: Sequence[Finding]) -> str:
    if better and worse:
        return f"held in part: better in {_listed(better)}; worse in {_listed(worse)}"
    if better:
        return f"held: better in {_listed(better)}, and worse in none of the {len(found)} measurements"
    if worse:
        return f"did not hold: worse in {_listed(worse)}, and better in none"
    return f"did not hold: no difference was found in {_listed(found)}"


def _listed(found: Sequence[Finding]) -> str:
    return ", ".join(each.text for each in found)


def _meaning(theirs: int, ours: int, count: int, name: str) -> str:
    """Explain what the intervals are, and what so many of them are worth."""
    if min(theirs, ours) > 1:
        kind = f"95 % intervals of the difference of means (Welch's t, {ours} seeds against {theirs})"
    else:
        of = f"{theirs} seeds of {name}" if theirs > 1 else f"its {ours} seeds"
        kind = f"95 % prediction intervals of a single run by {of} (Student's t)"
    return f"By {kind}; of {count} measurements one in twenty lies outside by chance alone."


def percent(share: float) -> str:
    """As the README writes it."""
    return f"{100 * share:.0f} %"
