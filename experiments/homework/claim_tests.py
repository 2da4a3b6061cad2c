"""Tests of the homework's claims about its parts, by the metrics after the last epoch.

A single run differs from its baseline by more than chance if it lies outside the range in which one more run of the
baseline would fall with 95 % probability; several seeds do if the 95 % interval of the difference of means excludes
zero. With one seed of each, chance cannot be ruled out. Runs shorter than the claim speaks of refute nothing.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from experiments.homework.parts import PART_A, Part
from gan_jax.analysis.intervals import difference, interval, prediction
from gan_jax.analysis.judgement import describe_gradient, describe_samples
from gan_jax.analysis.metrics import METRICS
from gan_jax.analysis.run_groups import Groups, LoadedRun

CLAIMED_EPOCHS = PART_A.config.epochs  # all claims are about as many
Outcome = Literal["held", "held in part", "did not hold", "too early", "open"]
# Epochs at which three seeds of part_a drew one shape, and from which on several digits, as shipped.
USUAL = "Three seeds of part_a drew one shape until epoch 10 or 20, and several digits from epoch 40 to 60 on."

# A G that makes one sharp digit has precision and density, too: they do not count as gains.
TESTED = ("frechet", "precision", "recall", "density", "coverage", "kl_to_uniform", "digit_share_1")
NO_GAINS = ("precision", "density")


class Verdict(NamedTuple):
    """Result of the test of a claim."""

    outcome: Outcome
    text: str  # one or two sentences, with the numbers


class Finding(NamedTuple):
    """Comparison of a metric of a part's runs with its baseline's."""

    name: str  # one of TESTED
    own: float  # mean over the part's seeds
    baseline: float  # mean over the baseline's seeds
    spread: float  # half width of the interval; NaN with one seed of each
    center: float | None  # mean that one more run's interval is about; None if it is that of the difference of means
    differs: bool  # the means are further apart than that
    better: bool  # the part's mean is closer to the best value

    @property
    def text(self) -> str:
        """Text with both values and the interval."""
        metric = METRICS[self.name]
        form = metric.format.format
        text = f"{metric.label} {form(self.own)} against {form(self.baseline)}"
        if not math.isfinite(self.spread):
            return text
        if self.center is not None:
            low, high = max(self.center - self.spread, 0.0), self.center + self.spread
            return f"{text} (expected: {form(low)} to {form(high)})"
        change = metric.format.replace(":", ":+").format(self.own - self.baseline)
        return f"{text} (difference {change} ± {form(self.spread)})"


def findings(groups: Groups) -> dict[str, Finding]:
    """Compare a part's runs with a baseline's by each metric of TESTED that both have."""
    baseline_runs, own_runs = groups.values()
    found = {}
    for name in TESTED:
        own, baseline = (_last_values(runs, name) for runs in (own_runs, baseline_runs))
        if own and baseline:
            means = float(np.mean(own)), float(np.mean(baseline))
            center, spread = None, difference(own, baseline).spread
            if min(len(own), len(baseline)) == 1:
                center, spread, *_ = prediction(max(baseline, own, key=len))
            # Exactly equal seeds, such as zeros early in training, do not show how much seeds differ; and a difference
            # that cannot be seen in print is none.
            printed = {METRICS[name].format.format(mean) for mean in means}
            differs = spread > 0 and abs(means[0] - means[1]) > spread and len(printed) > 1
            found[name] = Finding(name, *means, spread, center, differs, _is_better(*means, METRICS[name].best))
    return found


def _is_better(own: float, baseline: float, best: float | None) -> bool:
    assert best is not None  # for each metric of TESTED
    return own > baseline if math.isinf(best) else abs(own - best) < abs(baseline - best)


def _last_values(runs: Sequence[LoadedRun], name: str) -> list[float]:
    """Return a column's last value for each run in which it was measured."""
    values = [float(run.metrics[name][-1]) for run in runs if name in run.metrics]
    return [value for value in values if math.isfinite(value)]


def claim_test(part: Part, runs: Sequence[LoadedRun], groups: Groups) -> Verdict:
    """Say whether the part's claim held, with the numbers that show it.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: the baseline's runs and these; empty without a baseline.
    """
    epochs = runs[0].epochs
    stopped = [f"{run.config.name}: {run.diverged}" for run in runs if run.diverged]
    if stopped:
        return Verdict("open", f"The claim cannot be tested, since training diverged: {'; '.join(stopped)}.")
    if part.expects == "learns":
        found = _test_learning(runs)
    else:
        tests = {"dies": _test_saturation, "collapses to ones": _test_ones, "improves": _test_improvement}
        found = tests[part.expects](groups)
    if not _early(runs) or found.outcome == "open":
        return found
    if found.outcome in ("did not hold", "too early"):
        return Verdict("too early", f"After {epochs} of {CLAIMED_EPOCHS} epochs it is too early to tell. {found.text}")
    text = found.text[0].lower() + found.text[1:]
    return Verdict(found.outcome, f"After {epochs} of {CLAIMED_EPOCHS} epochs, so far {text}")


def _outcome(outcomes: Sequence[bool]) -> Outcome:
    return "held" if all(outcomes) else "held in part" if any(outcomes) else "did not hold"


def _say(outcomes: Sequence[bool], claim: str, early: bool) -> str:
    """Say in how many of the seeds a claim held; of short runs where it did not, only what it is."""
    held = sum(outcomes)
    if early and not held:
        return f"The claim is that {claim}"
    if len(outcomes) == 1:
        return f"The claim that {claim} {'held' if held else 'did not hold'} in this run"
    return f"The claim that {claim} held in {held} of {len(outcomes)} seeds"


def _test_learning(runs: Sequence[LoadedRun]) -> Verdict:
    claim = "it learns to write digits"
    judgements = [run.judgement for run in runs]
    if any(judgement.samples == "not measured" for judgement in judgements):
        return Verdict("open", f"The claim that {claim} is open: its samples were not measured.")
    outcomes = [judgement.looks_real for judgement in judgements]
    early = _early(runs)
    if early and not any(outcomes):
        return Verdict("too early", f"Now {describe_samples(judgements[0])}. {USUAL}")
    precision, classes = (np.mean(_last_values(runs, name)) for name in ("precision", "classes_covered"))
    text = (
        f"{_say(outcomes, claim, early)}, as far as numbers show: {percent(float(precision))} of the samples are close "
        f"to real digits (precision), and {classes:.3g} of 10 digits make up at least 1 % each."
    )
    return Verdict(_outcome(outcomes), text)


def _early(runs: Sequence[LoadedRun]) -> bool:
    return runs[0].epochs < CLAIMED_EPOCHS


def _test_saturation(groups: Groups) -> Verdict:
    baseline, own = groups.values()
    usual = interval(_last_values(baseline, "generator_gradient_norm"), geometric=True).mean
    outputs, norms = (_last_values(own, name) for name in ("fake_probability", "generator_gradient_norm"))
    outcomes = [run.judgement.gradient == "vanished" for run in own]
    states = [describe_gradient(run.judgement) for run in own]
    learns = states[0]
    if len(set(states)) > 1:
        learns = "; ".join(f"seed {run.config.seed}: {state}" for run, state in zip(own, states, strict=True))
    text = (
        f"{_say(outcomes, 'it does not train', _early(own))}. {learns}; the mean D(G(z)) is {_range(outputs)}, and the "
        f"norm of G's gradient {_range(norms)} against {usual:.2g} in {next(iter(groups))}"
    )
    distance = findings(groups).get("frechet")
    text = f"{text}{'' if distance is None else f'; {distance.text}'}.{_caution(baseline, own)}"
    return Verdict(_outcome(outcomes), text)


def _range(values: Sequence[float]) -> str:
    least, most = f"{min(values):.2g}", f"{max(values):.2g}"
    return least if least == most else f"from {least} to {most}"


def _test_ones(groups: Groups) -> Verdict:
    baseline, own = groups.values()
    claim = "it drifts towards the digit 1 alone"
    found, judgements = findings(groups).get("digit_share_1"), [run.judgement for run in own]
    if found is None or any(judgement.samples == "not measured" for judgement in judgements):
        return Verdict("open", f"The claim that {claim} is open: its samples were not measured.")
    if not any(judgement.looks_real for judgement in judgements):
        text = f"{_say([False] * len(own), claim, _early(own))}. Now {describe_samples(judgements[0])}."
        return Verdict("did not hold", text)
    outcomes = [judgement.samples == "one class" and judgement.largest == 1 for judgement in judgements]
    chance = ""
    if math.isfinite(found.spread):
        chance = f", a difference that is{'' if found.differs else ' not'} more than chance allows"
    text = f"{_say(outcomes, claim, _early(own))}: {found.text}{chance}.{_caution(baseline, own)}"
    return Verdict(_outcome(outcomes), text)


def _caution(baseline: Sequence[LoadedRun], own: Sequence[LoadedRun]) -> str:
    single = len(baseline) == len(own) == 1
    return " With one seed of each, chance cannot be ruled out." if single else ""


def _test_improvement(groups: Groups) -> Verdict:
    baseline, own = groups.values()
    name = next(iter(groups))
    claim = f"The claim that it improves on {name}"
    found = list(findings(groups).values())
    if not found:
        return Verdict("open", f"{claim} is open: the samples of both were not measured.")
    if _early(own) and not all(run.judgement.looks_real for run in [*baseline, *own]):
        text = f"The claim is that it improves on {name}, and samples do not look real in all runs yet. {USUAL}"
        return Verdict("too early", text)
    if len(baseline) == len(own) == 1:
        text = f"{claim} is open: with one seed of each, chance cannot be ruled out. Measured: {_list(found)}."
        return Verdict("open", text)
    better = [each for each in found if each.differs and each.better and each.name not in NO_GAINS]
    worse = [each for each in found if each.differs and not each.better]
    higher = [each for each in found if each.differs and each.better and each.name in NO_GAINS]
    if better and worse:
        outcome, says = "held in part", f"better in {_list(better)}; worse in {_list(worse)}"
    elif better:
        outcome, says = "held", f"better in {_list(better)}, and worse in none of the {len(found)} measurements"
    elif worse:
        outcome, says = "did not hold", f"worse in {_list(worse)}, and better in none{' that counts' * bool(higher)}"
    else:
        same = [each for each in found if not each.differs]
        outcome, says = "did not hold", f"no difference was found in {_list(same)}"
    opening = "The claim is that it improves" if _early(own) and outcome == "did not hold" else None
    sentences = [f"{opening} on {name}; now: {says}." if opening else f"{claim} {outcome}: {says}."]
    if higher:
        sentences.append(f"Higher precision or density alone is no gain, as few sharp digits give it: {_list(higher)}.")
    explained = _explain_intervals(len(baseline), len(own), len(found), name)
    return Verdict(outcome, " ".join([*sentences, explained]))


def _list(found: Sequence[Finding]) -> str:
    return ", ".join(each.text for each in found)


def _explain_intervals(theirs: int, ours: int, count: int, name: str) -> str:
    """Explain how the intervals were computed, and how often they are exceeded by chance."""
    if min(theirs, ours) > 1:
        kind = (
            f"± gives the 95 % confidence interval of the difference of means (Welch's t, {ours} seeds against "
            f"{theirs})"
        )
    else:
        source, one = (f"{theirs} seeds of {name}", name) if theirs > 1 else (f"the part's {ours} seeds", "the part")
        kind = (
            f'"expected" is the range in which one more run of {one} would fall with 95 % probability, by {source} '
            "(Student's t)"
        )
    return f"Here {kind}; by chance alone, each of {count} measurements lies outside one time in 20."


def percent(share: float) -> str:
    """Format a share as a percentage, as in the README."""
    return f"{100 * share:.0f} %"
