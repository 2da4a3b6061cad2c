"""Why a part of the homework came out as it did, in the numbers of its own run, with the chart that shows it."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from experiments.parts import Part
from gan_jax.compare import Groups, Run, explain_saturation
from gan_jax.evaluation import collapse_warnings
from gan_jax.panels import Metrics
from gan_jax.reports import charts
from gan_jax.reports.charts import Chart
from gan_jax.reports.content import Reason
from gan_jax.reports.sections import metrics_of
from gan_jax.tables import entropy

CERTAIN = 0.99  # an accuracy from which on D has won
LESS = 0.9  # of what a D(G(z)) must be below that rejects more surely: seeds differ by some percent


def reason(part: Part, runs: Sequence[Run], groups: Groups) -> Reason:
    """The reason for the outcome of a part.

    Args:
        part: the part.
        runs: its runs, which differ in the seed.
        groups: the baseline's runs and those of `runs` that they can be compared with; empty if there are none.
    """
    if part.baseline is None:
        return _of_the_baseline(runs)
    if not groups:
        return Reason([f"Told by comparison with {part.baseline}, which is not there: see the note above."], [])
    baseline, own = (members[0] for members in groups.values())
    names = [f"{name} (seed {runs[0].config.seed})" if len(runs) > 1 else name for name, runs in groups.items()]
    if part.config.setting.loss == "saturating":
        return _of_saturation(names, baseline, own, groups)
    if part.config.discriminator_steps != baseline.config.discriminator_steps:
        return _of_steps(names, baseline, own, groups)
    return _of_smoothing(names, baseline, own, groups)


def _of_the_baseline(runs: Sequence[Run]) -> Reason:
    run = runs[0]
    last = _last(run.metrics)
    text = (
        "The slope of -log D(G(z)) in D's logit is D(G(z)) - 1: it is steepest where D rejects a sample, so that G is "
        f"told most when it is worst. At epoch {run.epochs} the mean D(G(z)) is {last['fake_probability']:.2g}, D is "
        f"right about {percent(last['discriminator_accuracy'])} of the images, and the gradient that reaches G has "
        f"norm {last['generator_gradient_norm']:.2g}: "
    )
    undecided = 0.5 < last["discriminator_accuracy"] < CERTAIN and not collapse_warnings(None, last["fake_probability"])
    text += "neither player has won, and both go on learning." if undecided else "the game is lopsided here."
    return Reason([text, *_samples(run.metrics, None)], [], charts.digit_bars({run.config.name: [run.metrics]}))


def _of_saturation(names: Sequence[str], baseline: Run, own: Run, groups: Groups) -> Reason:
    text = (
        "The slope of log(1 - D(G(z))) in D's logit is D(G(z)) itself: once D rejects every sample, nothing reaches G."
    )
    measured = explain_saturation(names[1], own.metrics, names[0], baseline.metrics)
    return Reason(
        [text, measured],
        _charts(groups, ("generator_gradient_norm", "Norm of G's gradient"), ("fake_probability", "D(G(z))")),
    )


def _of_steps(names: Sequence[str], baseline: Run, own: Run, groups: Groups) -> Reason:
    updates = [float(run.metrics["discriminator_steps"].sum()) for run in (own, baseline)]
    here, there = _last(own.metrics), _last(baseline.metrics)
    text = (
        f"Over its {own.epochs} epochs D took {updates[0] / updates[1]:.2g} times as many steps as in {names[0]}. At "
        f"the last it is right about {percent(here['discriminator_accuracy'])} of the images against "
        f"{percent(there['discriminator_accuracy'])}, and the mean D(G(z)) is {here['fake_probability']:.2g} against "
        f"{there['fake_probability']:.2g}. "
    )
    if here["fake_probability"] < LESS * there["fake_probability"]:
        text += "The more surely D rejects, the more G is paid for the few kinds of image that still pass."
    else:
        text += f"D does not reject more surely than in {names[0]}: its further steps did not win it that."
    drawn = _charts(groups, ("largest_share", "Share of the most frequent digit"))
    drawn = drawn or _charts(groups, ("fake_probability", "D(G(z))"))
    return Reason([text, *_samples(own.metrics, baseline.metrics)], drawn, charts.digit_bars(metrics_of(groups)))


def _of_smoothing(names: Sequence[str], baseline: Run, own: Run, groups: Groups) -> Reason:
    setting = own.config.setting
    here, there = _last(own.metrics), _last(baseline.metrics)
    least = entropy(setting.real_target) + entropy(setting.fake_target)
    text = (
        f"D is trained towards {setting.real_target:g} for real and {setting.fake_target:g} for generated images: "
        f"certainty costs it, and its loss cannot fall below {least:.2g}. At epoch {own.epochs} the mean D(x) is "
        f"{here['real_probability']:.2g} against {there['real_probability']:.2g} in {names[0]}, the mean D(G(z)) "
        f"{here['fake_probability']:.2g} against {there['fake_probability']:.2g}, and the norm of G's gradient "
        f"{here['generator_gradient_norm']:.2g} against {there['generator_gradient_norm']:.2g}."
    )
    drawn = _charts(groups, ("real_probability", "D(x)"), ("fake_probability", "D(G(z))"), logarithmic=False)
    return Reason([text, *_samples(own.metrics, baseline.metrics)], drawn)


def _charts(groups: Groups, *columns: tuple[str, str], logarithmic: bool = True) -> list[Chart]:
    found = metrics_of(groups)
    scaled = {"generator_gradient_norm", "fake_probability"} if logarithmic else set()
    made = [charts.against(found, name, title, logarithmic=name in scaled) for name, title in columns]
    return [chart for chart in made if chart is not None]


def percent(share: float) -> str:
    """As the README writes it."""
    return f"{100 * share:.0f} %"


def _last(metrics: Metrics) -> Mapping[str, float]:
    return {name: float(column[-1]) for name, column in metrics.items()}


def _samples(metrics: Metrics, baseline: Metrics | None) -> list[str]:
    """What the samples are after the last epoch, and the baseline's; nothing where they were not measured."""
    here = _last(metrics)
    there = _last(baseline) if baseline is not None else None
    shares = [here.get(f"digit_share_{digit}", math.nan) for digit in range(10)]
    if not np.isfinite(shares).all() or not math.isfinite(here.get("recall", math.nan)):
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
