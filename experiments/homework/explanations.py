"""Explanations of the parts' results by the numbers of their own runs, with the charts that show them.

The first paragraph says whether the claim held; the others look at epochs and images that the part's change affects.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from experiments.homework.claim_tests import claim_test, percent
from experiments.homework.findings import Finding, findings
from experiments.homework.parts import Part
from gan_jax.analysis import charts, takeover
from gan_jax.analysis.judgement import LOOK_REAL, REJECTED, describe_gradient, describe_samples, sample_states
from gan_jax.analysis.metrics import DIGIT_SHARES, Metrics, digit_shares
from gan_jax.analysis.run_groups import Groups, LoadedRun, metrics_of
from gan_jax.analysis.saturation import explain_saturation
from gan_jax.analysis.tables import binary_entropy
from gan_jax.reports.page_model import Reason

CLEARLY_LESS = 0.9  # a smaller fraction of the baseline's value is clearly less: seeds differ by some percent
MOST_MEASURED = 5  # measured epochs that a paragraph lists


def reason(part: Part, runs: Sequence[LoadedRun], groups: Groups) -> Reason:
    """Explain whether the part's claim held, and why.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: the baseline's runs and those of `runs` that they can be compared with; empty if there are none.
    """
    if part.baseline is None:
        found = _explain_baseline(runs)
    elif not groups:
        text = f"The claim can only be tested against {part.baseline}, and no run of it is comparable: see the note."
        return Reason([text], [])
    else:
        found = _explain_change(groups)
    return found._replace(text=[claim_test(part, runs, groups).text, *found.text])


def _explain_baseline(runs: Sequence[LoadedRun]) -> Reason:
    run = runs[0]
    last = _metrics_at(run.metrics)
    with_seed = f" with seed {run.config.seed}" if len(runs) > 1 else ""
    text = (
        "The derivative of -log D(G(z)) with respect to D's logit is D(G(z)) - 1: its magnitude is largest where D "
        "rejects a sample, so that G learns most from its worst samples. "
        f"At epoch {run.epochs}{with_seed} the mean D(G(z)) is {last['fake_probability']:.2g}, D classifies "
        f"{percent(last['discriminator_accuracy'])} of the images correctly, and the gradient that reaches G has norm "
        f"{last['generator_gradient_norm']:.2g}: "
    )
    text += _describe_balance(run)
    bars = charts.digit_bars({run.config.name: [run.metrics]})
    return Reason([text, *_describe_samples(run)], [], bars)


def _describe_balance(run: LoadedRun) -> str:
    """Say whether D and G keep learning from each other, and if not, what stands against it."""
    judgement = run.judgement
    if judgement.balanced:
        return "D and G are balanced, and both keep learning."
    if judgement.gradient != "alive" or judgement.rejected_since is not None:
        return f"D has won: {describe_gradient(judgement)}."
    if judgement.looks_real:
        return f"{describe_gradient(judgement)}, but {describe_samples(judgement)}."
    measured = judgement.samples != "not measured"
    return f"{describe_gradient(judgement)}; its samples {'do not look real yet' if measured else 'were not measured'}."


def _explain_change(groups: Groups) -> Reason:
    baselines, runs = groups.values()
    own = runs[0]
    baseline = next((run for run in baselines if run.config.seed == own.config.seed), baselines[0])
    names = [
        f"{name} (seed {run.config.seed})" if len(group) > 1 else name
        for (name, group), run in zip(groups.items(), (baseline, own), strict=True)
    ]
    if own.config.hparams.loss == "saturating":
        return _explain_saturating_loss(names, baseline, own, groups)
    if own.config.discriminator_steps != baseline.config.discriminator_steps:
        return _explain_discriminator_steps(names[0], baseline, own, groups)
    return _explain_smoothing(names[0], baseline, own, groups)


def _explain_saturating_loss(names: Sequence[str], baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    text = (
        "D learns faster than G. When D is sure that an image is generated, D(G(z)) is about 0. As a function of D's "
        "logit, log(1 - D) is flat there, so that G is told nothing about which way to change. In formulas: the "
        "derivative of log(1 - D(G(z))) with respect to D's logit is -D(G(z)), and vanishes with it; that of "
        "-log D(G(z)), D(G(z)) - 1, is largest in magnitude just then."
    )
    since = own.judgement.rejected_since
    if since is not None:
        text += f" From epoch {since} on D rejects nearly every sample: the mean D(G(z)) is below {REJECTED:g}."
    measured = explain_saturation(names[1], own, names[0], baseline)
    return Reason(
        [text, measured],
        charts.compare_metrics(metrics_of(groups), ("generator_gradient_norm", "fake_probability")),
    )


def _explain_discriminator_steps(name: str, baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    updates = [float(run.metrics["discriminator_steps"].sum()) for run in (own, baseline)]
    text = f"Over its {own.epochs} epochs D took {updates[0] / updates[1]:.2g} times as many steps as in {name}. "
    drawn = charts.compare_metrics(metrics_of(groups), ("fake_probability", "largest_share"))
    same = _identical_epochs(own.metrics, baseline.metrics)
    if same == own.epochs:
        return Reason([f"{text}Up to epoch {same} the two runs are identical."], drawn)
    if same:
        text += f"Up to epoch {same} the two runs are identical. "
    epochs = [epoch for epoch in _phase_ends(own) if epoch > same]
    text += f"The mean D(G(z)) compared with {name}: {_list_outputs(epochs, own.metrics, baseline.metrics)}."
    effect = _explain_effect(name, baseline, own, findings(groups))
    why, by_digit = _explain_takeover(own.metrics)
    paragraphs = [text, *_follow_main_digit(own.metrics), *why, effect, *_describe_samples(own, (name, baseline))]
    return Reason(paragraphs, [*drawn, *by_digit], charts.digit_bars(metrics_of(groups)))


def _explain_takeover(metrics: Metrics) -> tuple[list[str], list[charts.Chart]]:
    """Explain why one digit is far the most frequent at the end, with charts; nothing if none is, or unmeasured."""
    digit = takeover.frequent_digit(metrics)
    facts = None if digit is None or not takeover.measured(metrics) else takeover.facts(metrics, digit)
    if digit is None or facts is None:
        return [], []
    return [" ".join(takeover.explain(facts))], takeover.charts(metrics, digit)


def _identical_epochs(own: Metrics, baseline: Metrics) -> int:
    """Count the epochs at the start in which training reports the same to the bit."""
    differ = np.zeros(min(len(own["epoch"]), len(baseline["epoch"])), bool)
    for name in ("discriminator_steps", "discriminator_loss", "generator_loss", "generator_gradient_norm"):
        differ |= own[name][: len(differ)] != baseline[name][: len(differ)]
    return int(np.argmax(differ)) if differ.any() else len(differ)


def _phase_ends(run: LoadedRun) -> list[int]:
    """List the last epoch of each phase of the schedule; of the open one, its first cycle and the run's last epoch."""
    phases = run.config.discriminator_steps.phases
    ends = [following.first_epoch - 1 for _, following in pairwise(phases)]
    open_phase = phases[-1]
    cycle = range(open_phase.first_epoch, open_phase.first_epoch + len(open_phase.cycle))
    return sorted({epoch for epoch in (*ends, *cycle, run.epochs) if epoch <= run.epochs})


def _list_outputs(epochs: Sequence[int], own: Metrics, baseline: Metrics) -> str:
    """List both runs' D(G(z)) at some epochs, with the number of D's steps."""
    items = []
    for epoch in epochs:
        here, there = _metrics_at(own, epoch), _metrics_at(baseline, epoch)
        steps = f"{here['discriminator_steps']:.0f} step{'s' * (here['discriminator_steps'] != 1)}"
        outputs = f"{here['fake_probability']:.2g} against {there['fake_probability']:.2g}"
        items.append(f"{outputs} at epoch {epoch} ({steps})")
    return ", ".join(items)


def _follow_main_digit(metrics: Metrics) -> list[str]:
    """Describe how the share of the digit that is most frequent at the end developed, if measured repeatedly."""
    shares = digit_shares(metrics)
    measured = np.flatnonzero([state in LOOK_REAL for state in sample_states(metrics)])
    if len(measured) < 2:
        return []
    digit = int(np.argmax(shares[measured[-1]]))
    share = shares[measured, digit]
    chosen = sorted({*np.linspace(0, len(measured) - 1, MOST_MEASURED).astype(int), int(np.argmax(share))})
    items = [f"{percent(share[index])} at epoch {metrics['epoch'][measured[index]]:.0f}" for index in chosen]
    return [f"Once most samples are digits, the share of the digit {digit} is {', '.join(items)}."]


def _explain_effect(name: str, baseline: LoadedRun, own: LoadedRun, found: Mapping[str, Finding]) -> str:
    """Explain the effect of D's steps on G's samples, by the metrics of both."""
    here, there = _metrics_at(own.metrics), _metrics_at(baseline.metrics)
    if here["fake_probability"] < CLEARLY_LESS * there["fake_probability"]:
        text = f"At the last epoch D still rejects samples more confidently than in {name}"
    else:
        text = f"At the last epoch D no longer rejects samples more confidently than in {name}"
    text += (
        f": D(G(z)) is {here['fake_probability']:.2g} against {there['fake_probability']:.2g}, and G's gradient has "
        f"norm {here['generator_gradient_norm']:.2g} against {there['generator_gradient_norm']:.2g}."
    )
    compared = ("recall", "coverage", "digit_share_1", "kl_to_uniform")
    change = {name: _change(found[name]) for name in compared if name in found}
    if not change:
        return text
    uneven = "more" in (change.get("digit_share_1"), change.get("kl_to_uniform"))
    if change.get("recall") == change.get("coverage") == "more":
        text += " This has not narrowed G: its samples cover more of the real digits"
        return text + (", though their classes are less even." if uneven else ".")
    return text + (" Its classes are less even." if uneven else "")


def _change(finding: Finding) -> Literal["more", "less", "same"]:
    """Compare with the baseline, beyond chance; with one seed of each, beyond some percent."""
    if finding.has_interval and not finding.differs:
        return "same"
    own, baseline = (float(np.mean(values)) for values in (finding.own, finding.baseline))
    if min(own, baseline) >= CLEARLY_LESS * max(own, baseline):
        return "same"
    return "more" if own > baseline else "less"


def _explain_smoothing(name: str, baseline: LoadedRun, own: LoadedRun, groups: Groups) -> Reason:
    a, b, target = own.config.hparams.targets
    least = binary_entropy(a) + binary_entropy(b)
    smoothed = [kind for kind, value in (("real", a), ("generated", b)) if 0 < value < 1]
    optimum = (
        f"D's target is a = {a:g} for real and b = {b:g} for generated images. The optimal D is then "
        "(a p_data + b p_G) / (p_data + p_G) (Goodfellow 2016, arXiv:1701.00160, section 4.2), which lies between b "
        f"and a: certainty raises D's loss on {' and '.join(smoothed)} images"
    )
    if len(smoothed) == 1:
        other = "generated" if smoothed == ["real"] else "real"
        optimum += f" only, and nothing keeps it from being certain of {other} ones"
    here, there = _metrics_at(own.metrics), _metrics_at(baseline.metrics)
    sums = [each["real_probability"] + each["fake_probability"] for each in (here, there)]
    optimum += (
        f". Its loss cannot fall below {least:.2g}, and for the optimal D the means of D(x) and D(G(z)) add up to "
        f"a + b = {a + b:.2g}. Here they add up to {sums[0]:.2f}, in {name} to {sums[1]:.2f}."
    )
    measured = (
        f"At epoch {own.epochs} D(x) is {here['real_probability']:.2g} against {there['real_probability']:.2g} in "
        f"{name}, and D(G(z)) {here['fake_probability']:.2g} against {there['fake_probability']:.2g}. "
    )
    usual = baseline.config.hparams.generator_target
    derivatives = here["fake_probability"] - target, there["fake_probability"] - usual
    norms = here["generator_gradient_norm"], there["generator_gradient_norm"]
    measured += (
        f"The derivative of G's loss with respect to D's logit is D(G(z)) - t, with G's target t = {target:g}: on "
        f"average {derivatives[0]:.2g} against {derivatives[1]:.2g}. "
        f"G's gradient has norm {norms[0]:.2g} against {norms[1]:.2g}: {_compare_norms(*norms)}."
    )
    drawn = [
        charts.compare_metric(metrics_of(groups), name, logarithmic=False)
        for name in ("real_probability", "fake_probability")
    ]
    return Reason([optimum, measured, *_describe_samples(own, (name, baseline))], list(filter(None, drawn)))


def _compare_norms(own: float, baseline: float) -> str:
    if own < CLEARLY_LESS * baseline:
        return "a less certain D drives G less strongly"
    if baseline < CLEARLY_LESS * own:
        return "D drives G more strongly"
    return "D drives G about as strongly"


def _metrics_at(metrics: Metrics, epoch: int = 0) -> Mapping[str, float]:
    """Return the metrics of an epoch, by default of the last."""
    return {name: float(column[epoch - 1]) for name, column in metrics.items()}


def _describe_samples(run: LoadedRun, baseline: tuple[str, LoadedRun] | None = None) -> list[str]:
    """Describe the samples after the last epoch, and the baseline's of this name, if they were measured."""
    judgement = run.judgement
    if judgement.samples == "not measured":
        return []
    here = _metrics_at(run.metrics)
    there = {} if baseline is None else _metrics_at(baseline[1].metrics)
    in_brackets = f" In brackets: {baseline[0]}." if baseline is not None and math.isfinite(there["frechet"]) else ""

    def beside(name: str, form: Callable[[float], str]) -> str:
        other = there.get(name, math.nan)
        return form(here[name]) + (f" ({form(other)})" if math.isfinite(other) else "")

    if judgement.looks_real:
        most = judgement.largest
        shares = (
            f"Of its samples {beside(DIGIT_SHARES[most], percent)} are the digit {most}, and "
            f"{beside('classes_covered', '{:.0f}'.format)} of ten classes make up at least 1 % each. "
        )
    else:
        shares = "As a whole, its samples do not look real. "
    return [
        f"{shares}Precision is {beside('precision', '{:.2f}'.format)}, recall {beside('recall', '{:.2f}'.format)}, "
        f"and the classifier Fréchet distance {beside('frechet', '{:.0f}'.format)}.{in_brackets}"
    ]
