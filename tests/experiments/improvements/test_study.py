"""`./run.sh improvements`: the changes, their ranking, and that an interrupted study resumes."""

import dataclasses
import json
import math
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.homework.parts import EXTENSION_RUNS, PART_BEST, PARTS
from experiments.improvements import study
from experiments.improvements.cost import Cost
from experiments.improvements.leaderboard import as_markdown, draw, frechet_at, rank
from experiments.improvements.variants import BASE, BEST_OF, CHANGES
from gan_jax.analysis.formats import TIMES
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.config import Hyperparameters
from gan_jax.errors import DivergedError
from gan_jax.runs import trainer
from gan_jax.runs.run_dir import RunDir
from tests.helpers.command import contents
from tests.helpers.shipped import RESULTS

SEVERAL = {"wasserstein", "r1_r2", "relativistic_r1_r2", "betas", "two_time_scales", "part_c5", "part_best",
           "one_sided_saturating", "two_sided_saturating", "minibatch_deviation"}  # fmt: skip


def changed(hparams: Hyperparameters, usual: Hyperparameters) -> dict[str, Any]:
    here, there = dataclasses.asdict(hparams), dataclasses.asdict(usual)
    return {field: here[field] for field in here if here[field] != there[field]}


def test_one_change_at_a_time():
    alone = [name for name in CHANGES if not name.startswith("best_without_")]
    for name in alone:
        count = len(changed(CHANGES[name].hparams, BASE))
        assert (count == 1) != (name in SEVERAL or name == "part_a"), name
    assert len({change.hparams for change in CHANGES.values()}) == len(CHANGES)


def test_changes_that_are_parts_of_the_homework_equal_them():
    for name in ("part_a", "part_b", "part_c5", "part_c6", "part_best"):
        assert (PARTS | EXTENSION_RUNS)[name].config == CHANGES[name].config(name, 100)


def test_part_best_combines_changes_that_are_studied_alone():
    """The study shows the effect of each by itself."""
    best = CHANGES["part_best"].hparams
    parts = {name: changed(CHANGES[name].hparams, BASE) for name in BEST_OF}
    assert changed(best, BASE) == {field: value for part in parts.values() for field, value in part.items()}
    for name, part in parts.items():
        assert changed(best, CHANGES[f"best_without_{name}"].hparams) == part


def test_cosine_decay_spans_the_epochs_of_the_run():
    assert CHANGES["cosine"].config("cosine", 7).hparams.cosine_decay_epochs == 7
    assert CHANGES["hinge"].config("hinge", 7).hparams.cosine_decay_epochs == 0


def run(frechet: list[float], seed: int) -> LoadedRun:
    epochs = np.arange(1.0, len(frechet) + 1)
    metrics = dict.fromkeys(
        ("density", "coverage", "classes_covered", "kl_to_uniform", "nearest_ratio", "frechet_floor"),
        np.ones(len(epochs)),
    )
    metrics |= {"epoch": epochs, "frechet": np.array(frechet)}
    config = replace(PARTS["part_a"].config, seed=seed)
    return LoadedRun(config=config, metrics=metrics, samples=np.zeros((4, 4), np.uint8), sampled_epoch=1)


def test_the_distance_at_equal_time_is_interpolated():
    slow = run([math.nan, 40.0, math.nan, 10.0], seed=0)
    for epochs, expected in ((2, 40), (3, 20), (3.5, 20 / math.sqrt(2)), (4, 10), (50, 10)):
        assert frechet_at(slow, epochs) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(frechet_at(slow, 1.9))
    assert math.isnan(frechet_at(run([math.nan], seed=0), 1))


def test_the_leaderboard_is_sorted_by_distance_and_compares_with_part_a():
    found = {
        "part_a": [run([90.0, 100.0], 0), run([90.0, 110.0], 1), run([90.0, 120.0], 2)],
        "hinge": [run([80.0, 200.0], 0)],
        "part_best": [run([30.0, 10.0], 0), run([40.0, 12.0], 1), run([50.0, 14.0], 2)],
    }
    times = {"part_a": 1.0, "hinge": 1.1, "part_best": 2.0}
    costs = {name: Cost([0.1], 5.0 * each, each) for name, each in times.items()}
    rows = rank(found, costs)
    assert list(rows) == ["part_best", "part_a", "hinge"]
    # 95 % of Student's t with 2 degrees of freedom, and Welch's with the two variances 4 and 100.
    assert rows["part_best"]["frechet"].spread == pytest.approx(4.303 * 2 / math.sqrt(3), rel=1e-3)
    ratio = math.exp(np.log([10, 12, 14]).mean() - np.log([100, 110, 120]).mean())
    assert rows["part_best"]["ratio"].mean == pytest.approx(ratio)
    assert rows["part_a"]["ratio"].mean == 1
    assert math.isnan(rows["part_a"]["ratio"].spread)  # the baseline itself
    assert math.isnan(rows["hinge"]["ratio"].spread)
    assert rows["part_best"]["at_equal_time"].mean == pytest.approx(40)  # one epoch in the time of two of part_a
    # 1.82 epochs: 0.82 of the way.
    assert rows["hinge"]["at_equal_time"].mean == pytest.approx(80 * (200 / 80) ** (2 / 1.1 - 1))
    text = as_markdown(rows, found, {"fast": "fast diverged"})
    assert "| `part_best` | 3 | 12.0 ± 5.0 |" in text
    assert "`fast` diverged: fast diverged" in text
    assert "of G itself" not in text  # no run has this column
    assert "one-sided" not in text
    assert [tick.get_text() for tick in draw(rows, found, costs).axes[0].get_yticklabels()] == list(
        reversed(list(rows))
    )


def test_two_seeds_far_apart_are_both_given():
    """One of two seeds dies: neither a mean nor a ratio has an interval that can be read."""
    found = {"part_a": [run([100.0 + seed], seed) for seed in range(3)], "hinge": [run([523.0], 0), run([4629.0], 1)]}
    text = as_markdown(rank(found, dict.fromkeys(found, Cost([0.1], 5.0, 1.0))), found, {})
    assert "| `hinge` | 2 | 523 and 4629 |" in text
    assert f"| {TIMES}5.178 and {TIMES}45.833 |" in text
    assert "| `part_a` | 3 | 101.0 ± 2.5 |" in text


def test_label_smoothing_has_a_separate_table_for_either_loss():
    names = ("part_a", "part_c6", "part_c5", "part_b", "one_sided_saturating", "two_sided_saturating")
    found = {name: [run([place + 1.0], 0)] for place, name in enumerate(names)}
    rows = rank(found, {name: Cost([0.1], 5.0, 1.0) for name in names})
    lines = as_markdown(rows, found, {}).splitlines()
    assert lines[-2:] == ["| -log D(G(z)) | 1.0 | 2.0 | 3.0 |", "| log(1 - D(G(z))) | 4.0 | 5.0 | 6.0 |"]


@pytest.mark.usefixtures("narrow_runs")
def test_a_study_of_two_changes_resumes_where_it_was_stopped(call, tmp_path, small_archives, monkeypatch):
    monkeypatch.setattr(study, "REPEATS", 1)
    options = ("--archives", small_archives, "--classifier", "gan_jax/evaluation/mnist_classifier.safetensors")
    options = ("improvements", "--only", "hinge", "--out", tmp_path, "--seeds", 2, *options)
    done = call(*options, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| change |") == 2  # one after each change
    folder = tmp_path / "improvements"
    folders = {f"{name}-archives{seed}" for name in ("part_a", "hinge") for seed in ("-seed_0", "-seed_1")}
    written = {f"improvements.{end}" for end in ("md", "json", "png")}
    assert {path.name for path in folder.iterdir()} == folders | written | {"costs.json"}
    costs = json.loads((folder / "costs.json").read_text())
    assert costs["part_a"]["cost"]["times"] == 1
    assert costs["hinge"]["cost"]["times"] > 0
    found = json.loads((folder / "improvements.json").read_text())
    assert found["changes"]["hinge"]["frechet"]["n"] == 2
    assert found["provenance"]["command"]
    before = contents(folder / "hinge-archives-seed_0")
    done = call(*options, "--epochs", 1)  # once more: all runs are finished
    assert done.returncode == 0, done.stderr
    assert contents(folder / "hinge-archives-seed_0") == before
    assert json.loads((folder / "costs.json").read_text()) == costs
    assert done.stdout.count("| change |") == 1
    # A cost from another machine and a damaged one are measured again.
    (folder / "costs.json").write_text(json.dumps({"part_a": costs["part_a"] | {"processor_count": 0}, "hinge": 1}))
    shutil.rmtree(folder / "hinge-archives-seed_1")
    assert call(*options, "--epochs", 1).returncode == 0
    assert RunDir(folder / "hinge-archives-seed_1").read_manifest()["epochs"] == 1
    again = json.loads((folder / "costs.json").read_text())
    assert all({**again[name], "cost": 0} == {**costs[name], "cost": 0} for name in costs)
    assert all(again[name]["cost"]["seconds"] != costs[name]["cost"]["seconds"] for name in costs)
    shutil.copytree(
        folder / "hinge-archives-seed_0", folder / "fast-archives-seed_0"
    )  # finished, but another run than its name says
    done = call("improvements", "--only", "part_a", *options[3:], "--epochs", 1)  # the other rows are kept
    assert "| `hinge` | 2 |" in done.stdout
    assert "`fast`" not in done.stdout

    train = trainer.train

    def diverging(configs, *arguments, **options):
        if configs[0].hparams.loss == "hinge":
            raise DivergedError("hinge diverged")
        return train(configs, *arguments, **options)

    monkeypatch.setattr(trainer, "train", diverging)  # for more epochs, where the results after fewer do not count
    assert call(*options, "--epochs", 2).returncode == 0
    found = json.loads((folder / "improvements.json").read_text())
    assert (list(found["changes"]), found["diverged"]) == (["part_a"], {"hinge": "hinge diverged"})
    assert call("improvements", "--only", "part_a", *options[3:], "--epochs", 2).returncode == 0  # and stays so
    assert json.loads((folder / "improvements.json").read_text())["diverged"] == found["diverged"]
    monkeypatch.setattr(trainer, "train", train)
    assert call(*options, "--epochs", 2).returncode == 0  # until it has been trained
    found = json.loads((folder / "improvements.json").read_text())
    assert (found["changes"]["hinge"]["frechet"]["n"], found["diverged"]) == (2, {})


@pytest.mark.parametrize(
    "options",
    [
        ("--only", "hingle"),
        ("--only", ""),
        ("--batch-size", 128),
        ("--learning-rate", 1e-3),  # this would be part_a under another name
        ("--overwrite",),
        ("--name", "x"),
        ("--devices", 2),
        ("--dataset", "kmnist"),  # no classifier exists for it
    ],
)
def test_options_that_the_study_refuses(call, tmp_path, options):
    done = call("improvements", "--out", tmp_path, *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_change_gets_suggestions(call, tmp_path):
    done = call("improvements", "--out", tmp_path, "--only", "hinge, Betas")
    assert (done.returncode, done.stderr) == (2, "run.sh: error: unknown change 'Betas': choose from betas\n")


def test_a_directory_of_another_run_is_reported_before_training(call, tmp_path, small_archives):
    """Three seeds are trained by default."""
    there = RunDir(tmp_path / "improvements" / "hinge-archives-seed_2")
    there.write_config(PART_BEST.config)
    there.write_rows(RunDir(RESULTS / "part_best").read_rows()[:1])
    options = ("--archives", small_archives, "--classifier", "gan_jax/evaluation/mnist_classifier.safetensors")
    done = call("improvements", "--only", "hinge", "--out", tmp_path, *options)
    assert done.returncode == 2
    assert "hinge-archives-seed_2 was trained with a different configuration" in done.stderr
    assert [path.name for path in (tmp_path / "improvements").iterdir()] == ["hinge-archives-seed_2"]


@pytest.mark.usefixtures("narrow_runs")
def test_part_best_is_compared_with_part_a(call, tmp_path, small_archives):
    """It is compared despite its learning rate, which tells other parts' baselines apart."""
    options = ("--archives", small_archives, "--out", tmp_path, "--epochs", 1)
    for part in ("part_a", "part_best"):
        done = call(part, *options)
        assert done.returncode == 0, done.stderr
    assert "part_best-archives" in (tmp_path / "part_best-archives" / "comparison.md").read_text()
    config = RunDir(tmp_path / "part_best-archives").read_config()
    assert config is not None
    assert config.hparams.cosine_decay_epochs == 1  # the decay spans the given epochs
    done = call("part_b", *options, "--learning-rate", 1e-3)
    assert "learning_rate is 0.0002" in done.stdout
