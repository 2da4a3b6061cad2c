"""No two sentences about a run disagree: a property of all shipped runs, cut short anywhere, and of a diverged one."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import pytest

import gan_jax
from experiments.harness.comparison import read_run
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


def groups_for(part: Part, run: LoadedRun, baselines: int) -> dict[str, list[LoadedRun]]:
    if part.baseline is None:
        return {}
    others = [cut(read(name), run.epochs) for name in SEEDS[:baselines]]
    shortest = min(each.epochs for each in (*others, run))
    return {"part_a": [cut(each, shortest) for each in others], "own": [cut(run, shortest)]}


def require_agreement(part: Part, run: LoadedRun, baselines: int) -> None:
    groups = groups_for(part, run, baselines)
    runs = [next(reversed(groups.values()))[0]] if groups else [run]
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
    assert len({words for words in LEARNING if words in text}) <= 1
    if "does not train" in verdict.text and verdict.outcome not in ("too early", "open"):
        assert ("G no longer learns" in text) == (verdict.outcome == "held")
    if "both keep learning" in text:
        assert not [line for line in boxes if "missing" not in line and "become worse" not in line]
    if not judged.looks_real:
        assert "are the digit" not in text
        assert "dominates" not in text
        assert "writes digits held" not in text
    if judged.samples == "one class":
        assert "balanced" not in text
    if judged.rejected_since is None:
        assert not re.search(r"D rejects every sample: ", text)


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(
    name=st.sampled_from(RUNS),
    part=st.sampled_from(["part_a", "part_b", "part_c1", "part_c4"]),  # one of each kind of claim
    share=st.floats(0, 1),
    baselines=st.integers(1, 3),
)
@hypothesis.example(name="part_b", part="part_b", share=0.03, baselines=3)  # the run that this was found on
@hypothesis.example(name="part_b", part="part_b", share=0.07, baselines=1)  # its gradient is back once more
@hypothesis.example(name="improvements/screening/fast", part="part_a", share=1, baselines=3)
def test_sentences_agree(name: str, part: str, share: float, baselines: int) -> None:
    run = read(name)
    require_agreement(PARTS[part], cut(run, max(1, round(share * run.epochs))), baselines)


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
        require_agreement(part, own, 1)
        assert claim_test(part, [own], groups_for(part, own, 1)).outcome == "open"
    assert f"training stopped: {manifest['diverged']}" in run_sections.warnings([run])


def test_the_usual_development_is_that_of_the_shipped_seeds():
    """Three seeds drew one shape until epoch 10 or 20, and several digits from epoch 40 to 60 on."""
    [(*until, first, last)] = re.findall(r"until epoch (\d+) or (\d+).* from epoch (\d+) to (\d+) on", USUAL)
    ends = {read(name).judgement.phases[0][2] for name in SEEDS}
    starts = [read(name).judgement.phases[-1][1] for name in SEEDS]
    assert {read(name).judgement.phases[0][0] for name in SEEDS} == {"one shape for all latents"}
    assert ends == set(map(int, until))
    assert (min(starts), max(starts)) == (int(first), int(last))
