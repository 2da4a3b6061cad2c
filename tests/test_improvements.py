"""`./run.sh improvements`: what is changed, what is found of it, and that it goes on where it was stopped."""

import dataclasses
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from experiments.bench.variants import Cost
from experiments.changes import CHANGES, PART_A
from experiments.improvements import as_markdown, at, draw, leaderboard
from experiments.parts import PART_BEST, PARTS
from experiments.reporting import SHIPPED
from gan_jax import runs
from gan_jax.compare import Run
from gan_jax.config import Setting
from gan_jax.errors import DivergedError
from gan_jax.run_folder import RunFolder
from tests.command import contents

SEVERAL = {"wasserstein", "r1_r2", "relativistic_r1_r2", "betas", "two_time_scales", "two_sided", "part_best",
           "one_sided_saturating", "two_sided_saturating"}  # fmt: skip


def test_one_change_at_a_time():
    for name, change in CHANGES.items():
        here, there = dataclasses.asdict(change.setting), dataclasses.asdict(PART_A)
        changed = [field for field in here if here[field] != there[field]]
        assert (len(changed) == 1) != (name in SEVERAL or name == "part_a"), name
    assert len({change.setting for change in CHANGES.values()}) == len(CHANGES)
    same = {"part_a": "part_a", "part_b": "saturating", "part_c5": "two_sided", "part_c6": "one_sided"}
    assert all(PARTS[part].config.setting == CHANGES[name].setting for part, name in same.items())


def test_part_best_is_the_named_one():
    assert PART_BEST.config == replace(PARTS["part_a"].config, name="part_best", setting=CHANGES["part_best"].setting)


def test_part_best_is_made_up_of_changes_of_its_own():
    """So that the study can tell what each of them does alone."""
    made_up = dataclasses.asdict(PART_A)
    for name in ("relativistic_r1_r2", "small_batch", "fast", "betas", "cosine", "averaging", "no_dropout"):
        values = dataclasses.asdict(CHANGES[name].setting)
        made_up |= {field: value for field, value in values.items() if value != getattr(PART_A, field)}
    assert CHANGES["part_best"].setting == Setting(**made_up)


def test_a_falling_rate_falls_over_the_epochs_of_the_run():
    assert CHANGES["cosine"].config("cosine", 7).setting.cosine_epochs == 7
    assert CHANGES["hinge"].config("hinge", 7).setting.cosine_epochs == 0


def run(frechet: list[float], seed: int) -> Run:
    epochs = np.arange(1.0, len(frechet) + 1)
    metrics = dict.fromkeys(
        ("density", "coverage", "classes_covered", "kl_to_uniform", "nearest_ratio", "frechet_floor"),
        np.ones(len(epochs)),
    )
    metrics |= {"epoch": epochs, "frechet": np.array(frechet)}
    config = replace(PARTS["part_a"].config, seed=seed)
    return Run(config=config, metrics=metrics, samples=np.zeros((4, 4), np.uint8), sampled_epoch=1)


def test_the_distance_at_equal_time_is_the_last_within_it():
    slow = run([math.nan, 30.0, math.nan, 20.0], seed=0)
    assert [at(slow, epochs) for epochs in (2.0, 3.4, 3.9, 50.0)] == [30.0, 30.0, 20.0, 20.0]
    assert math.isnan(at(slow, 1.4))


def test_the_leaderboard_has_the_least_distance_first_and_differences_from_part_a():
    found = {
        "part_a": [run([90.0, 100.0], 0), run([90.0, 110.0], 1), run([90.0, 120.0], 2)],
        "hinge": [run([80.0, 200.0], 0)],
        "part_best": [run([30.0, 10.0], 0), run([40.0, 12.0], 1), run([50.0, 14.0], 2)],
    }
    costs = {name: Cost([0.1 * times], times) for name, times in (("part_a", 1.0), ("hinge", 1.1), ("part_best", 2.0))}
    rows = leaderboard(found, costs)
    assert list(rows) == ["part_best", "part_a", "hinge"]
    # 95 % of Student's t with 2 degrees of freedom, and Welch's with the two variances 4 and 100.
    assert rows["part_best"]["frechet"].spread == pytest.approx(4.303 * 2 / math.sqrt(3), rel=1e-3)
    assert rows["part_best"]["difference"].mean == pytest.approx(-98)
    assert rows["part_best"]["difference"].spread == pytest.approx(4.0216 * math.sqrt(104 / 3), rel=0.02)
    assert math.isnan(rows["hinge"]["difference"].spread)
    assert rows["part_best"]["at_equal_time"].mean == pytest.approx(40)  # in two epochs of part_a it has one
    assert rows["hinge"]["at_equal_time"].mean == pytest.approx(200)
    text = as_markdown(rows, found, {"fast": "fast diverged"})
    assert "| `part_best` | 3 | 12.0 ± 5.0 |" in text
    assert "`fast` diverged: fast diverged" in text
    assert [tick.get_text() for tick in draw(rows, found, costs).axes[0].get_yticklabels()] == list(
        reversed(list(rows))
    )


def test_a_study_of_two_changes_goes_on_where_it_was_stopped(call, tmp_path, small_archives, monkeypatch):
    options = ("--archives", small_archives, "--classifier", "gan_jax/evaluation/mnist_classifier.safetensors")
    options = ("improvements", "--only", "hinge", "--out", tmp_path, "--seeds", 2, *options)
    done = call(*options, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "improvements"
    folders = {f"{name}-archives{seed}" for name in ("part_a", "hinge") for seed in ("", "-seed_1")}
    written = {f"improvements.{end}" for end in ("md", "json", "png")}
    assert {path.name for path in folder.iterdir()} == folders | written | {"costs.json"}
    costs = (folder / "costs.json").read_text()
    assert json.loads(costs)["changes"]["part_a"]["times"] == 1
    assert json.loads(costs)["changes"]["hinge"]["times"] > 0
    found = json.loads((folder / "improvements.json").read_text())
    assert found["changes"]["hinge"]["frechet"]["n"] == 2
    assert found["provenance"]["command"]
    before = contents(folder / "hinge-archives")
    done = call(*options, "--epochs", 1)  # again: all is finished
    assert done.returncode == 0, done.stderr
    assert contents(folder / "hinge-archives") == before
    assert (folder / "costs.json").read_text() == costs
    (folder / "costs.json").write_text("[1")  # damaged: measured anew
    shutil.rmtree(folder / "hinge-archives-seed_1")
    assert call(*options, "--epochs", 1).returncode == 0
    assert RunFolder(folder / "hinge-archives-seed_1").read_manifest()["epochs"] == 1
    assert json.loads((folder / "costs.json").read_text())["changes"].keys() == {"part_a", "hinge"}

    train = runs.train

    def diverging(configs, *arguments, **options):
        if configs[0].setting.loss == "hinge":
            raise DivergedError("hinge diverged")
        return train(configs, *arguments, **options)

    monkeypatch.setattr(runs, "train", diverging)  # with more epochs: what it was after fewer is not what it is
    assert call(*options, "--epochs", 2).returncode == 0
    found = json.loads((folder / "improvements.json").read_text())
    assert (list(found["changes"]), found["diverged"]) == (["part_a"], {"hinge": "hinge diverged"})


@pytest.mark.parametrize(
    "options",
    [
        ("--only", "hingle"),
        ("--only", ""),
        ("--name", "x"),
        ("--devices", 2),
        ("--dataset", "kmnist"),  # which no classifier is there for
    ],
)
def test_what_the_study_does_not_know(call, tmp_path, options):
    done = call("improvements", "--out", tmp_path, *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())


def test_shipped_runs_of_part_a_stand_in_the_study():
    """What is under experiments/results was trained with the study's own configuration."""
    config = RunFolder(SHIPPED / "part_a").read_config()
    assert config == CHANGES["part_a"].config("part_a", 100)


def test_part_best_is_compared_with_part_a(call, tmp_path, small_archives):
    """Though it changes a learning rate, by which other parts' baselines are told apart."""
    options = ("--archives", small_archives, "--out", tmp_path, "--epochs", 1)
    for part in ("part_a", "part_best"):
        done = call(part, *options)
        assert done.returncode == 0, done.stderr
    assert "part_best-archives" in (tmp_path / "part_best-archives" / "comparison.md").read_text()
    done = call("part_b", *options, "--learning-rate", 1e-3)
    assert "learning_rate is 0.0002" in done.stdout
