"""Why a part of the homework came out as it did, in the numbers of its own run, with the chart that shows it.

The first paragraph says whether the claim held; the next look at the epochs and the images where the setting differs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from experiments.homework.claim_tests import AMONG_DIGITS, Finding, claim_test, findings, percent
from experiments.homework.parts import Part
from gan_jax.analysis.metrics import Metrics
from gan_jax.analysis.run_groups import DEAD_PROBABILITY, Groups, LoadedRun, explain_saturation
from gan_jax.analysis.tables import entropy
from gan_jax.evaluation import collapse_warnings
from gan_jax.reports import charts
from gan_jax.reports.charts import Chart
from gan_jax.reports.page_model import Reason
from gan_jax.reports.run_sections import metrics_of

CERTAIN = 0.99  # an accuracy from which on D has won
LESS = 0.9  # of what a quantity must be below that is less than the baseline's: seeds differ by some percent
MOST_MEASURED = 5  # measured epochs of which a paragraph tells


def reason(part: Part, runs: Sequence[LoadedRun], groups: Groups) -> Reason:
    """Explain whether the part's claim held, and why.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: the baseline's runs and those of `runs` that they can be compared with; empty if there are none.
    """
    if part.baseline is None:
        found = _of_the_baseline(runs)
    elif not groups:
        return Reason([f"Whether the claim held is told by {part.baseline}, which is not there: see the note."], [])
    else:
        found = _against(runs, groups)
    return found._replace(text=[claim_test(part, runs, groups), *found.text])


def _of_the_baseline(runs: Sequence[LoadedRun]) -> Reason:
    run = runs[0]
    last = _at(run.metrics)
    with_seed = f" with seed {run.config.seed}" if len(runs) > 1 else ""
    text = (
        "The slope of -log D(G(z)) in D's logit is D(G(z)) - 1: it is steepest where D rejects a sample, so that G is "
        f"told most when it is worst. At epoch {run.epochs}{with_seed} the mean D(G(z)) is "
        f"{last['fake_probability']:.2g}, D is "
        f"right about {percent(last['discriminator_accuracy'])} of the images, and the gradient that reaches G has "
        f"norm {last['generator_gradient_norm']:.2g}: "
    )
    shares = [last.get(f"digit_share_{digit}", math.nan) for digit in range(10)]
    collapsed = collapse_warnings(shares if np.isfinite(shares).all() else None, last["fake_probability"])
    undecided = 0.5 < last["discriminator_accuracy"] < CERTAIN and not collapsed
    text += "neither player has won, and both go on learning." if undecided else "the game is lopsided here."
    return Reason([text, *_samples(run.metrics, None)], [], charts.digit_bars({run.config.name: [run.metrics]}))


def _against(runs: Sequence[LoadedRun], groups: Groups) -> Reason:
    members, others = groups.values()
    own = others[0]
    baseline = next((run for run in members if run.config.seed == own.config.seed), members[0])
    names = [
        f"{name} (seed {run.config.seed})" if len(group) > 1 else name
        for (name, group), run in zip(groups.items(), (baseline, own), strict=True)
    ]
    if own.config.hparams.loss == "saturating":
        return _of_saturation(names, baseline, own, groups)
    if own.config.discriminator_steps != baseline.config.discriminator_steps:
        return _of_steps(names[0], baseline, own, groups)
    return _of_smoothing(names[0], baseline, own, groups)


def _of_saturation(names: Sequence[str], baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    text = (
        "The slope of log(1 - D(G(z))) in D's logit is -D(G(z)): once D rejects every sample, nothing reaches G, while "
        "that of -log D(G(z)), D(G(z)) - 1, is then steepest."
    )
    alive = np.flatnonzero(own.metrics["fake_probability"] >= DEAD_PROBABILITY)
    since = 1 if not len(alive) else int(own.metrics["epoch"][alive[-1]]) + 1
    if since <= own.epochs:
        text += f" From epoch {since} on the mean D(G(z)) is below {DEAD_PROBABILITY:.0e}."
    measured = explain_saturation(names[1], own.metrics, names[0], baseline.metrics)
    return Reason(
        [text, measured],
        _charts(groups, ("generator_gradient_norm", "Norm of G's gradient"), ("fake_probability", "D(G(z))")),
    )


def _of_steps(name: str, baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    updates = [float(run.metrics["discriminator_steps"].sum()) for run in (own, baseline)]
    text = f"Over its {own.epochs} epochs D took {updates[0] / updates[1]:.2g} times as many steps as in {name}. "
    drawn = _charts(groups, ("fake_probability", "D(G(z))"), ("largest_share", "Share of the most frequent digit"))
    same = _epochs_alike(own.metrics, baseline.metrics)
    if same == own.epochs:
        return Reason([f"{text}Up to epoch {same} the two are one and the same run."], drawn)
    if same:
        text += f"Up to epoch {same} the two are one and the same run. "
    moments = [epoch for epoch in _ends_of_phases(own) if epoch > same]
    text += f"The mean D(G(z)), beside that of {name}: {_over(moments, own.metrics, baseline.metrics)}."
    paragraphs = [text, *_most_frequent(own.metrics), _consequence(name, baseline, own, findings(groups))]
    return Reason([*paragraphs, *_samples(own.metrics, baseline.metrics)], drawn, charts.digit_bars(metrics_of(groups)))


def _epochs_alike(own: Metrics, baseline: Metrics) -> int:
    """The first so many epochs at which all that training reports is the same to the bit."""
    differ = np.zeros(min(len(own["epoch"]), len(baseline["epoch"])), bool)
    for name in ("discriminator_steps", "discriminator_loss", "generator_loss", "generator_gradient_norm"):
        differ |= own[name][: len(differ)] != baseline[name][: len(differ)]
    return int(np.argmax(differ)) if differ.any() else len(differ)


def _ends_of_phases(run: LoadedRun) -> list[int]:
    """The last epoch of each phase of the schedule; of one that does not end, its first turns and the run's last."""
    phases = run.config.discriminator_steps.phases
    ends = [following.first_epoch - 1 for _, following in pairwise(phases)]
    open_phase = phases[-1]
    turns = range(open_phase.first_epoch, open_phase.first_epoch + len(open_phase.cycle))
    return sorted({epoch for epoch in (*ends, *turns, run.epochs) if epoch <= run.epochs})


def _over(epochs: Sequence[int], own: Metrics, baseline: Metrics) -> str:
    """D(G(z)) at some epochs with the steps of D, here and there."""
    told = []
    for epoch in epochs:
        here, there = _at(own, epoch), _at(baseline, epoch)
        steps = f"{here['discriminator_steps']:.0f} step{'s' * (here['discriminator_steps'] != 1)}"
        verdicts = f"{here['fake_probability']:.2g} against {there['fake_probability']:.2g}"
        told.append(f"{verdicts} at epoch {epoch} ({steps})")
    return ", ".join(told)


def _most_frequent(metrics: Metrics) -> list[str]:
    """Say how the share of the finally most frequent digit went; nothing where it was measured once."""
    shares = [metrics.get(f"digit_share_{digit}") for digit in range(10)]
    precision = metrics.get("precision")
    if precision is None or any(share is None for share in shares):
        return []
    table = np.array(shares)  # (10, epochs)
    # Of samples that are no digits the classifier's class says nothing.
    measured = np.flatnonzero(np.isfinite(table).all(axis=0) & (precision > AMONG_DIGITS))
    if len(measured) < 2:
        return []
    digit = int(np.argmax(table[:, measured[-1]]))
    share = table[digit, measured]
    chosen = sorted({*np.linspace(0, len(measured) - 1, MOST_MEASURED).astype(int), int(np.argmax(share))})
    told = [f"{percent(share[place])} at epoch {metrics['epoch'][measured[place]]:.0f}" for place in chosen]
    return [f"From when most samples are digits on, the digit {digit} makes up of them {', '.join(told)}."]


def _consequence(name: str, baseline: LoadedRun, own: LoadedRun, found: Mapping[str, Finding]) -> str:
    """Explain what D's steps did to G's samples, by the metrics of both."""
    here, there = _at(own.metrics), _at(baseline.metrics)
    if here["fake_probability"] < LESS * there["fake_probability"]:
        lead = "At the last D still rejects more surely"
    else:
        lead = f"By the last D does not reject more surely than in {name}, its lead used up"
    lead += (
        f": D(G(z)) is {here['fake_probability']:.2g} against {there['fake_probability']:.2g}, and G's gradient has "
        f"norm {here['generator_gradient_norm']:.2g} against {there['generator_gradient_norm']:.2g}. "
    )
    judged = ("recall", "coverage", "digit_share_1", "kl_to_uniform")
    change = {name: _change(found[name]) for name in judged if name in found}
    uneven = "more" in (change.get("digit_share_1"), change.get("kl_to_uniform"))
    if change.get("recall") == change.get("coverage") == "more":
        lead += "That has not narrowed G: its samples reach more of the digits' neighbourhoods"
        return lead + (", though their classes are less even." if uneven else ".")
    if uneven:
        return lead + (
            "The more surely D rejected, the more G was paid for the few kinds of image that still passed, and what "
            "it settled on meanwhile it leaves slowly."
        )
    return lead + "Of that the measurements of the samples show no trace." * bool(change)


def _change(finding: Finding) -> Literal["more", "less", "same"]:
    """Beyond chance; with one seed of each, by more than some percent."""
    if math.isfinite(finding.spread) and not finding.differs:
        return "same"
    low, high = sorted((finding.here, finding.there))
    if low >= LESS * high:
        return "same"
    return "more" if finding.here > finding.there else "less"


def _of_smoothing(name: str, baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    a, b, target = own.config.hparams.targets
    least = entropy(a) + entropy(b)
    smoothed = [kind for kind, value in (("real", a), ("generated", b)) if 0 < value < 1]
    optimum = (
        f"D is trained towards a = {a:g} for real and b = {b:g} for generated images. The best D is then "
        "(a p_data + b p_G) / (p_data + p_G) (Goodfellow 2016, arXiv:1701.00160, section 4.2), which lies between b "
        f"and a: certainty costs D on {' and '.join(smoothed)} images"
    )
    if len(smoothed) == 1:
        other = "generated" if smoothed == ["real"] else "real"
        optimum += f" alone, and nothing keeps it from being certain of {other} ones"
    here, there = _at(own.metrics), _at(baseline.metrics)
    sums = [each["real_probability"] + each["fake_probability"] for each in (here, there)]
    optimum += (
        f". Its loss cannot fall below {least:.2g}, and the means of D(x) and D(G(z)) add up to a + b = {a + b:.2g}: "
        f"here to {sums[0]:.2f}, in {name} to {sums[1]:.2f}."
    )
    measured = (
        f"At epoch {own.epochs} D(x) is {here['real_probability']:.2g} against {there['real_probability']:.2g} in "
        f"{name}, and D(G(z)) {here['fake_probability']:.2g} against {there['fake_probability']:.2g}. "
    )
    usual = baseline.config.hparams.generator_target
    slopes = here["fake_probability"] - target, there["fake_probability"] - usual
    norms = here["generator_gradient_norm"], there["generator_gradient_norm"]
    measured += (
        f"The slope of G's loss in D's logit is D(G(z)) - t with G's target t = {target:g}: on average {slopes[0]:.2g} "
        f"against {slopes[1]:.2g}. G's gradient has norm {norms[0]:.2g} against {norms[1]:.2g}: {_pushed(norms)}."
    )
    drawn = _charts(groups, ("real_probability", "D(x)"), ("fake_probability", "D(G(z))"), logarithmic=False)
    return Reason([optimum, measured, *_samples(own.metrics, baseline.metrics)], drawn)


def _pushed(norms: tuple[float, float]) -> str:
    if norms[0] < LESS * norms[1]:
        return "a D that stays unsure pushes G less"
    if norms[1] < LESS * norms[0]:
        return "D pushes G no less"
    return "D pushes G as much"


def _charts(groups: Groups, *columns: tuple[str, str], logarithmic: bool = True) -> list[Chart]:
    found = metrics_of(groups)
    scaled = {"generator_gradient_norm", "fake_probability"} if logarithmic else set()
    made = [charts.against(found, name, title, logarithmic=name in scaled) for name, title in columns]
    return [chart for chart in made if chart is not None]


def _at(metrics: Metrics, epoch: int = 0) -> Mapping[str, float]:
    """The metrics of an epoch, by default of the last."""
    return {name: float(column[epoch - 1]) for name, column in metrics.items()}


def _samples(metrics: Metrics, baseline: Metrics | None) -> list[str]:
    """Describe the samples after the last epoch, and the baseline's; nothing where they were not measured."""
    here = _at(metrics)
    there = _at(baseline) if baseline is not None else None
    shares = [here.get(f"digit_share_{digit}", math.nan) for digit in range(10)]
    needed = ("classes_covered", "precision", "recall", "frechet")
    if not np.isfinite([*shares, *(here.get(name, math.nan) for name in needed)]).all():
        return []
    most = int(np.argmax(shares))

    def against(name: str, form: Callable[[float], str]) -> str:
        other = math.nan if there is None else there.get(name, math.nan)
        return form(here[name]) + (f" (there {form(other)})" if math.isfinite(other) else "")

    return [
        f"Of its samples {against(f'digit_share_{most}', percent)} are the digit {most}, and "
        f"{against('classes_covered', '{:.0f}'.format)} of ten classes make up 1 % or more. Precision is "
        f"{against('precision', '{:.2f}'.format)}, recall {against('recall', '{:.2f}'.format)}, and the classifier "
        f"Fréchet distance {against('frechet', '{:.0f}'.format)}."
    ]
