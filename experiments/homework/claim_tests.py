"""Tests of the homework's claims about its parts, by the metrics after the last epoch.

Runs shorter than the claim speaks of refute nothing.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from experiments.homework.findings import Finding, findings, last_values
from experiments.homework.parts import PART_A, Part
from gan_jax.analysis.intervals import interval
from gan_jax.analysis.judgement import describe_gradient, describe_samples
from gan_jax.analysis.run_groups import Groups, LoadedRun

CLAIMED_EPOCHS = PART_A.config.epochs  # all claims are about as many
Outcome = Literal["held", "held in part", "did not hold", "too early", "open"]
# Epochs at which three seeds of part_a drew one shape, and from which on several digits, as shipped.
USUAL = "Three seeds of part_a drew one shape until epoch 10 or 20, and several digits from epoch 40 to 60 on."

# One metric decides on an improvement: with seven independent ones, one or more would lie outside its range by chance
# in up to about 30 % of all studies.
DECISIVE = "frechet"


class Verdict(NamedTuple):
    """Result of the test of a claim."""

    outcome: Outcome
    text: str  # one or two sentences, with the numbers


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
    precision, classes = (np.mean(last_values(runs, name)) for name in ("precision", "classes_covered"))
    text = (
        f"{_say(outcomes, claim, early)}, as far as numbers show: {percent(float(precision))} of the samples are close "
        f"to real digits (precision), and {classes:.3g} of 10 digits make up at least 1 % each."
    )
    return Verdict(_outcome(outcomes), text)


def _early(runs: Sequence[LoadedRun]) -> bool:
    return runs[0].epochs < CLAIMED_EPOCHS


def _test_saturation(groups: Groups) -> Verdict:
    baseline, own = groups.values()
    usual = interval(last_values(baseline, "generator_gradient_norm"), geometric=True).mean
    outputs, norms = (last_values(own, name) for name in ("fake_probability", "generator_gradient_norm"))
    outcomes = [run.judgement.gradient == "vanished" for run in own]
    states = [describe_gradient(run.judgement) for run in own]
    learns = states[0]
    if len(set(states)) > 1:
        learns = "; ".join(f"seed {run.config.seed}: {state}" for run, state in zip(own, states, strict=True))
    text = (
        f"{_say(outcomes, 'it does not train', _early(own))}. {learns}; the mean D(G(z)) is {_range(outputs)}, and the "
        f"norm of G's gradient {_range(norms)} against {usual:.2g} in {next(iter(groups))}"
        f"{f' (mean of {len(baseline)} seeds)' if len(baseline) > 1 else ''}"
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
    if found.has_interval:
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
    if not found or found[0].name != DECISIVE:
        return Verdict("open", f"{claim} is open: the samples of both were not measured.")
    if _early(own) and not all(run.judgement.looks_real for run in [*baseline, *own]):
        text = f"The claim is that it improves on {name}, and samples do not look real in all runs yet. {USUAL}"
        return Verdict("too early", text)
    if len(baseline) == len(own) == 1:
        text = f"{claim} is open: with one seed of each, chance cannot be ruled out. Measured: {_list(found)}."
        return Verdict("open", text)
    decisive = found[0]
    others = [each for each in found if each.differs and each is not decisive]
    better, worse = ([each for each in others if each.better is wanted] for wanted in (True, False))
    if not decisive.differs:
        outcome, says = "did not hold", f"no difference was found in {decisive.text}"
    elif decisive.better:
        outcome, says = "held in part" if worse else "held", f"better in {decisive.text}"
    else:
        outcome, says = "did not hold", f"worse in {decisive.text}"
    opening = "The claim is that it improves" if _early(own) and outcome == "did not hold" else None
    sentence = f"{opening} on {name}; now: {says}" if opening else f"{claim} {outcome}: {says}"
    beside = "; ".join(f"{word} in {_list(each)}" for word, each in (("better", better), ("worse", worse)) if each)
    text = f"{sentence}, which decides. Other metrics: {beside or 'none differs by more than chance allows'}."
    return Verdict(outcome, f"{text} {_explain_intervals(len(baseline), len(own), len(found), name)}")


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
        several, seeds, one = (name, theirs, name) if theirs > 1 else ("the part", ours, "the part")
        kind = (
            f'the values of {several} are means of {seeds} seeds, and "expected" is the range in which one more run of '
            f"{one} would fall with 95 % probability (Student's t)"
        )
    return f"Here {kind}; by chance alone, each of {count} measurements lies outside one time in 20."


def percent(share: float) -> str:
    """Format a share as a percentage, as in the README."""
    return f"{100 * share:.0f} %"
