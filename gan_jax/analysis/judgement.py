"""Judgement of a run by its metrics, from which every verdict, warning and explanation is worded.

The states of the samples, of D and of G's gradient are decided here alone, so that no two sentences disagree on them.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from gan_jax.analysis.metrics import Metrics, digit_shares
from gan_jax.config import Config
from gan_jax.losses.adversarial import LOSSES

AMONG_REAL = 0.5  # precision from which on most samples look real; below it the classifier's votes mean nothing
DOMINANT_SHARE = 0.5  # of the samples: from here on one class dominates
ONE_SHAPE_SHARE = 0.9  # of samples that do not look real: the classifier takes them all for the same
VARIED = 0.002  # recall below which samples of one class are a single shape: a speckle had 0, ones alone 0.007 or more
REJECTED = 1e-3  # mean D(G(z)) below which D rejects nearly every sample
# G's gradient relative to its largest epoch: fading below the first, vanished below the second. While a G learns, it
# stays within a factor of 70 (falling rates included); part_b's falls by 3 orders in epoch 2, and by 20 in epoch 8.
FADING, VANISHED = 5e-3, 1e-5
CERTAIN = 0.99  # accuracy from which on D is right about practically every image
WORSE = 1.5  # times the best Fréchet distance of the run, from which on the samples have become worse

Samples = Literal["not measured", "one shape", "unclear", "one class", "classes missing", "all classes"]
Gradient = Literal["alive", "fading", "vanished"]
LOOK_REAL = ("one class", "classes missing", "all classes")


class Judgement(NamedTuple):
    """Findings about a run after its last epoch."""

    epoch: int  # the last one
    samples: Samples  # after the last epoch
    gradient: Gradient  # G's, in the last epoch
    fake_probability: float | None  # mean D(G(z)); None if the loss gives D(x) no absolute meaning
    rejected_since: int | None  # epoch from which on D has rejected nearly every sample; None if it does not
    accuracy: float  # of D; NaN if it was not recorded
    precision: float  # NaN if the samples were not measured, as are the next three
    recall: float
    shares: tuple[float, ...]  # of each class among the samples
    missing: tuple[int, ...]  # classes that make up less than 1 %
    phases: tuple[tuple[str, int, int], ...]  # words for the samples, and the first and last epoch measured as such
    best: tuple[int, float, float] | None  # epoch of the best Fréchet distance, it, and the last, if that is worse
    falling: bool  # True if the learning rates fall over the length of the run
    noun: str  # "digit" or, of other data, "class"
    diverged: str = ""  # the reason, if training stopped for it

    @property
    def largest(self) -> int:
        """Most frequent class."""
        return int(np.argmax(self.shares))

    @property
    def looks_real(self) -> bool:
        """True if most samples look real, so that their classes mean something."""
        return self.samples in LOOK_REAL

    @property
    def balanced(self) -> bool:
        """True if D and G both keep learning from each other."""
        learns = self.gradient == "alive" and self.rejected_since is None and not self.diverged and self.best is None
        return learns and not self.accuracy >= CERTAIN and self.samples in ("classes missing", "all classes")


def judge(config: Config, metrics: Metrics, diverged: str = "") -> Judgement:
    """Judge a run of at least one epoch.

    Args:
        config: the run's configuration.
        metrics: its metrics.
        diverged: why training stopped, if it diverged.
    """
    states, shares = sample_states(metrics), digit_shares(metrics)[-1]
    if states[-1] == "not measured":
        shares = np.full(shares.shape, math.nan)
    outputs = None if LOSSES[config.hparams.loss].shift_invariant else metrics["fake_probability"]
    noun = "digit" if config.dataset == "mnist" else "class"
    return Judgement(
        epoch=len(states),
        samples=states[-1],
        gradient=_gradient(metrics["generator_gradient_norm"]),
        fake_probability=None if outputs is None else float(outputs[-1]),
        rejected_since=None if outputs is None else _rejected_since(outputs),
        accuracy=_last(metrics, "discriminator_accuracy"),
        precision=_last(metrics, "precision"),
        recall=_last(metrics, "recall"),
        shares=tuple(shares.tolist()),
        missing=_missing(metrics, shares),
        phases=_phases(states, noun),
        best=_best(metrics),
        falling=config.hparams.cosine_decay_epochs > 0,
        noun=noun,
        diverged=diverged,
    )


def warnings(judgement: Judgement) -> list[str]:
    """Describe each sign of failure after the last epoch, in one line each."""
    lines = [f"training stopped: {judgement.diverged}"] if judgement.diverged else []
    if judgement.samples not in ("not measured", "all classes"):
        lines.append(describe_samples(judgement))
    if judgement.gradient != "alive":
        lines.append(describe_gradient(judgement))
    if judgement.rejected_since is not None:
        lines.append(f"D rejects nearly every sample: D(G(z)) is {judgement.fake_probability:.1e} on average")
    if judgement.best is not None:
        epoch, best, now = judgement.best
        line = f"the samples have become worse: Fréchet distance {best:.1f} at epoch {epoch}, now {now:.1f}"
        keep = f"; to have the better G, train to epoch {epoch} under another name"
        lines.append(line if judgement.falling else line + keep)
    return lines


def describe_samples(judgement: Judgement) -> str:
    """Describe the samples after the last epoch."""
    classes, noun = len(judgement.shares), judgement.noun
    if judgement.samples == "not measured":
        return "the samples were not measured"
    if not judgement.looks_real:
        what, verb = ("one shape", "does") if judgement.samples == "one shape" else ("shapes", "do")
        quantity = "all" if judgement.samples == "one shape" else "most"
        flaw = f"that {verb} not look real (precision {judgement.precision:.2f})"
        if judgement.precision >= AMONG_REAL:
            flaw = f"with hardly a real image near it (recall {judgement.recall:.4f})"
        wait = f"until that changes, the {noun} that the classifier takes them for means nothing"
        return f"{quantity} samples are {what} {flaw}: {wait}"
    covered = f"{classes - len(judgement.missing)} of {classes} {_plural(noun)} make up 1 % or more of the samples"
    if judgement.missing:
        covered += f"; missing: {', '.join(map(str, judgement.missing))}"
    if judgement.samples != "one class":
        return covered
    share = judgement.shares[judgement.largest]
    return (
        f"one {noun} dominates: {judgement.largest} makes up {100 * share:.0f} % of the samples, where an even share "
        f"is {100 / classes:.0f} %; {covered}"
    )


def describe_gradient(judgement: Judgement) -> str:
    """Say whether G learns from its gradient."""
    return {
        "alive": "G can learn from its gradient",
        "fading": "G learns very slowly: its gradient is fading",
        "vanished": "G no longer learns: its gradient has vanished",
    }[judgement.gradient]


def describe_phases(judgement: Judgement) -> str:
    """Describe how the samples developed, if that was measured and changed; else return nothing."""
    items = []
    for place, (words, first, last) in enumerate(judgement.phases):
        if place == 0:
            items.append(f"{words} until epoch {last}")
        elif place == len(judgement.phases) - 1:
            items.append(f"{words} from epoch {first} on")
        else:
            items.append(f"{words} at epoch {first}" if first == last else f"{words} at epochs {first} to {last}")
    return f"G drew {', '.join(items)}." if len(items) > 1 else ""


def sample_states(metrics: Metrics) -> list[Samples]:
    """Classify the samples after each epoch."""
    shares = digit_shares(metrics)
    missing = np.full(len(shares), math.nan)
    precision, recall, covered = (metrics.get(name, missing) for name in ("precision", "recall", "classes_covered"))
    measured = np.isfinite(shares).all(axis=1) & np.isfinite(precision) & np.isfinite(covered)
    states: list[Samples] = []
    for place, largest in enumerate(shares.max(axis=1)):
        if not measured[place]:
            states.append("not measured")
        elif precision[place] < AMONG_REAL:
            states.append("one shape" if largest >= ONE_SHAPE_SHARE else "unclear")
        elif largest >= ONE_SHAPE_SHARE and recall[place] < VARIED:
            states.append("one shape")
        elif largest >= DOMINANT_SHARE:
            states.append("one class")
        else:
            states.append("all classes" if covered[place] == shares.shape[1] else "classes missing")
    return states


def with_largest_share(metrics: Metrics) -> Metrics:
    """Add the column `largest_share`, NaN where samples do not look real, if it has any value.

    Noise has a digit, too, by the classifier.
    """
    real = [state in LOOK_REAL for state in sample_states(metrics)]
    if not any(real):
        return metrics
    return {**metrics, "largest_share": np.where(real, digit_shares(metrics).max(axis=1), math.nan)}


def _plural(noun: str) -> str:
    return "classes" if noun == "class" else f"{noun}s"


def _gradient(norms: np.ndarray) -> Gradient:
    relative = norms[-1] / max(norms.max(), np.finfo(float).tiny)
    return "vanished" if relative < VANISHED else "fading" if relative < FADING else "alive"


def _missing(metrics: Metrics, shares: np.ndarray) -> tuple[int, ...]:
    """List the classes that are not covered, in order."""
    if np.isnan(shares).any():
        return ()
    count = len(shares) - int(metrics["classes_covered"][-1])
    return tuple(sorted(np.argsort(shares, kind="stable")[:count].tolist()))


def _phases(states: Sequence[Samples], noun: str) -> tuple[tuple[str, int, int], ...]:
    words = {
        "one shape": "one shape for all latents",
        "unclear": "shapes that do not look real",
        "one class": f"mostly one {noun}",
        "classes missing": f"several {_plural(noun)}",
        "all classes": f"several {_plural(noun)}",
    }
    measured = [(words[state], epoch) for epoch, state in enumerate(states, start=1) if state != "not measured"]
    found = []
    for described, group in groupby(measured, key=lambda item: item[0]):
        epochs = [epoch for _, epoch in group]
        found.append((described, epochs[0], epochs[-1]))
    return tuple(found)


def _rejected_since(outputs: np.ndarray) -> int | None:
    """Return the first epoch from which on the mean D(G(z)) has been below REJECTED, or was no number."""
    accepted = np.flatnonzero(outputs >= REJECTED)
    since = int(accepted[-1]) + 2 if len(accepted) else 1
    return since if since <= len(outputs) else None


def _best(metrics: Metrics) -> tuple[int, float, float] | None:
    """Return the epoch of the best Fréchet distance, it, and the last one, if that is clearly worse."""
    distances = metrics.get("frechet", np.full(len(metrics["epoch"]), math.nan))
    if not math.isfinite(distances[-1]):
        return None
    place = int(np.nanargmin(distances))
    if distances[-1] < WORSE * distances[place]:
        return None
    return int(metrics["epoch"][place]), float(distances[place]), float(distances[-1])


def _last(metrics: Metrics, name: str) -> float:
    return float(metrics[name][-1]) if name in metrics else math.nan
