"""Explanations of the parts: whether the homework's claim held, and reasons from the changed hyperparameters."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from experiments.homework import report
from experiments.homework.explanations import reason
from experiments.homework.parts import PARTS
from gan_jax.analysis.intervals import difference
from gan_jax.analysis.metrics import Metrics
from gan_jax.analysis.run_groups import LoadedRun, group_by_seed
from gan_jax.runs.comparison import read_run

SEEDS = ("part_a", "part_a-seed_1", "part_a-seed_2")
MADE_UP = ("recall", "coverage", "frechet", "precision", "density", "kl_to_uniform", "digit_share_1")


def read(name: str, epochs: int | None = None) -> LoadedRun:
    run = read_run(Path(report.SHIPPED) / name)
    return run._replace(metrics={key: column[:epochs] for key, column in run.metrics.items()})


def paragraphs(name: str, runs: Sequence[LoadedRun], baseline: Sequence[LoadedRun]) -> list[str]:
    part = PARTS[name]
    return list(reason(part, runs, group_by_seed([*baseline, *runs]) if part.baseline else {}).text)


@pytest.fixture(scope="module")
def baseline() -> list[LoadedRun]:
    return [read(name) for name in SEEDS]


@pytest.fixture(scope="module")
def shipped(baseline) -> dict[str, list[str]]:
    """Each part's paragraphs as in the report."""
    return {name: paragraphs(name, baseline if name == "part_a" else [read(name)], baseline) for name in PARTS}


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("part_a", r"learns to write digits held in 3 of 3 seeds.* 90 % of the samples .* 10 of 10 digits"),
        (
            "part_b",
            r"does not train held in this run\. G no longer .*3\.5e-26.*1e-22 against 2\.6 in part_a \(mean of 3",
        ),
        (
            "part_c1",
            r"did not hold: worse in .* 347\.9 against 279\.6 \(expected: 221 to 338\), which .* KL .*ones",
        ),
        (
            "part_c2",
            r"did not hold: worse in .* 39\d\.\d against 279\.6 \(expected: 221 to 338\), which .* KL .*ones",
        ),
        (
            "part_c3",
            r"did not hold: no difference .* 334\.6 .* better in .* recall 0\.37 against 0\.16 .*; worse in KL .*0\.46",
        ),
        (
            "part_c4",
            r"held in this run: share of ones 0\.97 against 0\.23 \(expected: 0\.20 to 0\.26\), a diff.* more",
        ),
        (
            "part_c5",
            r"did not hold: no difference .* worse in precision 0\.872 against 0\.903 \(expected: 0\.895 to 0\.911\)\.",
        ),
        (
            "part_c6",
            r"did not hold: no difference .* worse in precision 0\.879 against 0\.903 \(expected: 0\.895 to 0\.911\)\.",
        ),
    ],
)
def test_the_first_paragraph_says_whether_the_claim_held(shipped, name, outcome):
    assert re.search(outcome, shipped[name][0]), shipped[name][0]


def test_a_single_run_is_compared_with_a_prediction_interval(shipped, baseline):
    values = [run.metrics["frechet"][-1] for run in baseline]
    half_width = t.ppf(0.975, 2) * np.std(values, ddof=1) * np.sqrt(1 + 1 / 3)
    low, high = np.mean(values) - half_width, np.mean(values) + half_width
    assert f"against {np.mean(values):.1f} (expected: {low:.0f} to {high:.0f})" in shipped["part_c1"][0]
    assert "of part_a are means of 3 seeds" in shipped["part_c1"][0]
    assert "one more run of part_a would fall with 95 % probability" in shipped["part_c1"][0]
    assert "±" not in shipped["part_c1"][0]  # which is for confidence intervals
    assert "by chance alone, each of 7 measurements lies outside one time in 20" in shipped["part_c1"][0]


def test_one_seed_of_each_gives_no_interval(baseline):
    for name in ("part_b", "part_c1", "part_c4", "part_c5"):
        first, *_ = paragraphs(name, [read(name)], baseline[:1])
        assert "with one seed of each, chance cannot be ruled out" in first.lower()
        assert "±" not in first


def seeds_of(run: LoadedRun, change: Callable[[float, int], float]) -> list[LoadedRun]:
    """Return three runs as if trained with other seeds, whose metrics `change` maps by (value, seed)."""
    return [
        run._replace(
            config=replace(run.config, name=f"{run.config.name}-seed_{seed}", seed=seed),
            metrics=dict(run.metrics)
            | {name: np.array([change(value, seed) for value in run.metrics[name]]) for name in MADE_UP},
        )
        for seed in (5, 6, 7)
    ]


def test_several_seeds_are_compared_by_the_difference_of_means(baseline):
    own = seeds_of(read("part_c5"), lambda value, seed: value * (1 + (seed - 6) / 100))
    first, *_ = paragraphs("part_c5", own, baseline)
    here, there = ([run.metrics["frechet"][-1] for run in runs] for runs in (own, baseline))
    apart = difference(here, there)
    change = f"difference {apart.mean:+.0f} ± {apart.spread:.0f}"  # two digits of the uncertainty
    assert f"worse in classifier Fréchet distance {np.mean(here):.1f} against 279.6 ({change})" in first
    assert "Welch's t, 3 seeds against 3" in first
    ones = seeds_of(read("part_c4"), lambda value, seed: value if seed < 7 else value / 3)
    assert "held in 2 of 3 seeds" in paragraphs("part_c4", ones, baseline)[0]


def test_better_runs_are_called_better(baseline):
    better = read("part_a")
    metrics = dict(better.metrics) | {
        "frechet": better.metrics["frechet"] / 4,
        "recall": 2.5 * better.metrics["recall"],
    }
    own = better._replace(config=PARTS["part_c1"].config, metrics=metrics)
    first, *_ = paragraphs("part_c1", [own], baseline)
    assert "held: better in classifier Fréchet distance 66.8 against 279.6 (expected: 221 to 338), which" in first
    assert "Other metrics: better in recall 0.44" in first
    same = better._replace(config=PARTS["part_c1"].config)
    first, *_ = paragraphs("part_c1", [same], baseline)
    assert "did not hold: no difference was found in classifier Fréchet distance 267" in first
    assert "Other metrics: none differs" in first


def test_the_fréchet_distance_alone_decides_on_an_improvement(baseline):
    """Many metrics are measured, and some differ by chance."""
    run = read("part_a")._replace(config=PARTS["part_c1"].config)
    for factor, outcome in ((1, "did not hold"), (1 / 4, "held")):
        metrics = dict(run.metrics)
        metrics |= {"recall": 5 * metrics["recall"], "frechet": factor * metrics["frechet"]}
        assert f"improves on part_a {outcome}:" in paragraphs("part_c1", [run._replace(metrics=metrics)], baseline)[0]
    worse = dict(run.metrics) | {
        "frechet": run.metrics["frechet"] / 4,
        "digit_share_1": 3 * run.metrics["digit_share_1"],
    }
    assert "held in part: better in" in paragraphs("part_c1", [run._replace(metrics=worse)], baseline)[0]


def test_seeds_that_vary_too_much_for_an_interval_are_listed(baseline):
    own = seeds_of(read("part_b"), lambda value, seed: value if seed == 5 else value / 9)[:2]
    first, *_ = paragraphs("part_b", own, baseline[:2])
    assert "classifier Fréchet distance 526.0, 4734.4 against 267.2, 290.8" in first
    assert "±" not in first


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("part_b", ["D's logit is -D(G(z))", "From epoch 8 on D rejects nearly every sample", "G no longer learns"]),
        ("part_c1", ["0.0046 against 0.44 at epoch 1 (32 steps)", "D no longer rejects samples", "51 % at epoch 60"]),
        ("part_c2", ["0.00063 against 0.39 at epoch 10 (8 steps)", "97 % at epoch 30", "42 % at epoch 100"]),
        ("part_c3", ["Up to epoch 51 the two runs are identical", "has not narrowed G", "classes are less even"]),
        ("part_c4", ["4 times as many steps", "still rejects samples", "99 % at epoch 50"]),
        ("part_c5", ["loss on real and generated images", "= 1. Here they add up to 1.00", "-0.58 against -0.76"]),
        (
            "part_c6",
            ["loss on real images only", "certain of generated ones", "0.9. Here they add up to 0.90", "-0.77"],
        ),
    ],
)
def test_reasons_refer_to_the_changed_hyperparameters(shipped, name, words):
    text = " ".join(shipped[name])
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("epochs", [1, 3, 20])
def test_few_epochs(name, epochs):
    text = paragraphs(name, [read(name, epochs)], [read(each, epochs) for each in SEEDS])
    # The samples of epochs 1 and 3 were not measured, without which D and G's gradient alone can be judged.
    assert text[0].startswith(f"After {epochs} of 100 epochs") or (epochs < 10 and "is open" in text[0])
    assert "nan" not in " ".join(text)
    if name == "part_c3":
        assert f"Up to epoch {epochs} the two runs are identical" in " ".join(text)


@pytest.mark.parametrize("name", PARTS)
def test_without_sample_metrics(name, baseline):
    """Data without a classifier, or an older version: columns without values, or no columns."""
    for lacking in (lambda metrics: {key: metrics[key] for key in list(metrics)[:9]}, blanked):
        runs = [run._replace(metrics=lacking(run.metrics)) for run in (read(name), *baseline)]
        text = " ".join(paragraphs(name, runs[:1], runs[1:]))
        assert "nan" not in text
        assert "is open" in text or name == "part_b"


def blanked(metrics: Metrics) -> Metrics:
    return {key: column if place < 9 else column * np.nan for place, (key, column) in enumerate(metrics.items())}


def test_without_a_baseline():
    [text] = reason(PARTS["part_c1"], [read("part_c1")], {}).text
    assert text == "The claim can only be tested against part_a, and no run of it is comparable: see the note."


def test_the_reason_of_the_baseline_names_its_seed_and_agrees_with_the_warnings(baseline):
    """The table beside it has means over seeds; and a G that makes one class has not won."""
    assert "At epoch 100 with seed 0 the mean D(G(z)) is 0.24" in paragraphs("part_a", baseline, [])[1]
    assert "D and G are balanced" in paragraphs("part_a", baseline, [])[1]
    early = read("part_a", 10)  # one class in all samples, though D is right about three images of four
    assert max(early.metrics[f"digit_share_{digit}"][-1] for digit in range(10)) > 0.9
    text = paragraphs("part_a", [early], [])[1]
    assert "its samples do not look real yet" in text
    assert "with seed" not in text
