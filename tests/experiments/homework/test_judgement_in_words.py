"""No two sentences about a run disagree: a property of all shipped runs, cut short anywhere, and of a diverged one."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import pytest

import gan_jax
from experiments.homework import report
from experiments.homework.claim_tests import USUAL, claim_test
from experiments.homework.explanations import reason
from experiments.homework.parts import PARTS, Part
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.config import Config, Hyperparameters
from gan_jax.data.datasets import ImageDataset
from gan_jax.errors import DivergedError
from gan_jax.losses.adversarial import LOSSES
from gan_jax.reports import run_sections
from gan_jax.runs.comparison import read_run
from gan_jax.runs.run_dir import RunDir

SEEDS = ("part_a", "part_a-seed_1", "part_a-seed_2")
# Among them runs that learn, that die, that collapse, that become worse, and that still draw one shape at their end.
RUNS = sorted(str(path.parent.relative_to(report.SHIPPED)) for path in report.SHIPPED.rglob("metrics.csv"))
LEARNING = ("G can learn", "G learns very slowly", "G no longer learns")
VERDICTS = {
    "held": r"\bheld in (this run|(\d+) of \2 seeds)|improves on \w+ held:",
    "held in part": r"held in \d+ of \d+ seeds|held in part:",
    "did not hold": r"did not hold|held in 0 of",
    "too early": "too early to tell",
    "open": "is open|cannot be tested",
}


@cache
def read(name: str) -> LoadedRun:
    return read_run(Path(report.SHIPPED) / name)


def cut(run: LoadedRun, epochs: int) -> LoadedRun:
    return run._replace(metrics={name: column[:epochs] for name, column in run.metrics.items()})


def groups_for(part: Part, own: Sequence[LoadedRun], baselines: int) -> dict[str, list[LoadedRun]]:
    """Group as many seeds of the baseline as asked for and these runs, all of the same length."""
    if part.baseline is None:
        return {}
    groups = {"part_a": [read(name) for name in SEEDS[:baselines]], "own": own}
    shortest = min(run.epochs for runs in groups.values() for run in runs)
    return {name: [cut(run, shortest) for run in runs] for name, runs in groups.items()}


def require_agreement(part: Part, own: Sequence[LoadedRun], baselines: int) -> None:
    groups = groups_for(part, own, baselines)
    runs = groups.get("own", own)
    verdict = claim_test(part, runs, groups)
    judged = runs[0].judgement
    boxes, notes = run_sections.warnings(runs), run_sections.notes(runs)
    text = " ".join([*boxes, *notes, *reason(part, runs, groups).text]).replace(USUAL, "")
    assert not re.search(r"\bnan\b", text)
    stated = [outcome for outcome, pattern in VERDICTS.items() if re.search(pattern, verdict.text)]
    assert verdict.outcome in stated
    assert len(set(stated) - {"held in part"} - {verdict.outcome}) == 0, verdict.text
    if verdict.outcome == "too early":
        assert runs[0].epochs < 100
        assert not re.search(r"\bheld\b|did not hold", text)
    if judged.epoch < 100:
        assert "did not hold" not in text
    if "does not train" in verdict.text and verdict.outcome in ("held", "did not hold"):
        assert ("G no longer learns" in text) == (verdict.outcome == "held")
    if len(runs) > 1:  # a box then names its seed, and may contradict a sentence about another
        return
    assert len({words for words in LEARNING if words in text}) <= 1
    if "both keep learning" in text:
        assert not [line for line in boxes if "missing" not in line]
    if not judged.looks_real:
        assert "are the digit" not in text
        assert "dominates" not in text
        assert "Why so many" not in text
        assert "writes digits held" not in text
    taken_over = re.search(r"Why so many (\d)s", text)
    assert taken_over is None or int(taken_over[1]) == judged.largest
    if judged.samples == "one class":
        assert "balanced" not in text
    if judged.rejected_since is None:
        assert not re.search(r"D rejects nearly every sample: ", text)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    names=st.lists(st.sampled_from(RUNS), min_size=1, max_size=3),  # as if they were seeds of the part
    part=st.sampled_from(["part_a", "part_b", "part_c1", "part_c4", "part_c5"]),  # each kind of claim and of reason
    share=st.floats(0, 1),
    baselines=st.integers(1, 3),
)
@hypothesis.example(names=["part_b"], part="part_b", share=0.03, baselines=3)  # the run that this was found on
@hypothesis.example(names=["part_b"], part="part_b", share=0.07, baselines=1)  # its gradient is back once more
@hypothesis.example(names=["improvements/screening/fast"], part="part_a", share=1, baselines=3)
@hypothesis.example(
    names=["improvements/screening/relativistic"], part="part_a", share=1, baselines=3
)  # a precise blob
@hypothesis.example(
    names=["improvements/ablation/best_without_relativistic_r1_r2"], part="part_a", share=1, baselines=3
)
@hypothesis.example(names=["part_b", "part_a"], part="part_b", share=1, baselines=2)  # one seed dies, one learns
def test_sentences_agree(names: list[str], part: str, share: float, baselines: int) -> None:
    runs = [read(name) for name in names]
    epochs = max(1, round(share * min(run.epochs for run in runs)))
    seeds = [run._replace(config=replace(run.config, seed=seed)) for seed, run in enumerate(runs)]
    require_agreement(PARTS[part], [cut(run, epochs) for run in seeds], baselines)


def test_sentences_agree_where_a_digit_takes_over():
    """The run whose D and G were measured digit by digit has more to say."""
    for epochs in range(10, 101, 10):
        require_agreement(PARTS["part_c4"], [cut(read("part_c4"), epochs)], 3)


def test_a_diverged_run_says_so_and_no_verdict_is_passed(mnist, tmp_path, monkeypatch):
    usual = LOSSES["non_saturating"]
    # As log(sigmoid) does at other logits: infinite from the first epoch in which D rejects most of the samples.
    fragile = usual._replace(
        generator=lambda real, fake, targets: jnp.where(
            fake.mean() < -0.2, jnp.inf, usual.generator(real, fake, targets)
        )
    )
    few = ImageDataset(*(array[:1100] for array in mnist))
    monkeypatch.setitem(LOSSES, "fragile", fragile)
    config = Config(name="x", dataset="archives", epochs=60, hparams=Hyperparameters(loss="fragile"))
    with pytest.raises(DivergedError):
        gan_jax.train(config, few, out=tmp_path, progress=False)
    manifest = RunDir(tmp_path / "x").read_manifest()
    assert re.fullmatch(r"the .+ became non-finite at iteration \d+ of epoch \d+", manifest["diverged"])
    run = read_run(tmp_path / "x")
    assert 1 <= run.epochs < 60
    for name in ("part_a", "part_b", "part_c1", "part_c4"):
        part = PARTS[name]
        own = run._replace(config=replace(run.config, dataset="mnist"))
        require_agreement(part, [own], 1)
        assert claim_test(part, [own], groups_for(part, [own], 1)).outcome == "open"
    assert f"training stopped: {manifest['diverged']}" in run_sections.warnings([run])


def test_the_usual_development_is_that_of_the_shipped_seeds():
    """Three seeds drew one shape until epoch 10 or 20, and several digits from epoch 40 to 60 on."""
    [(*until, first, last)] = re.findall(r"until epoch (\d+) or (\d+).* from epoch (\d+) to (\d+) on", USUAL)
    ends = {read(name).judgement.phases[0][2] for name in SEEDS}
    starts = [read(name).judgement.phases[-1][1] for name in SEEDS]
    assert {read(name).judgement.phases[0][0] for name in SEEDS} == {"one shape for all latents"}
    assert ends == set(map(int, until))
    assert (min(starts), max(starts)) == (int(first), int(last))
