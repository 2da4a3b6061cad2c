"""A part is compared only with a baseline of the same options, data and length."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.commands import train
from experiments.harness.options import RunOptions, configure
from experiments.homework.parts import PARTS
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import UserError
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.comparison import compare, read_baseline, read_run
from gan_jax.runs.ownership import COMPARISON_FILES
from gan_jax.runs.run_dir import RunDir

BASE = Config(name="part_a", epochs=2)


def write(path: Path, config: Config, epochs: int = 2, data: str = "d" * 64) -> Path:
    folder = RunDir(path)
    folder.write_config(config)
    folder.write_manifest({"data_sha256": data})
    names = ("discriminator_loss", "generator_loss", "fake_probability", "generator_gradient_norm")
    folder.write_rows(
        [{"epoch": float(epoch)} | dict.fromkeys(names, float(epoch + config.seed)) for epoch in range(1, epochs + 1)]
    )
    for epoch in range(1, epochs + 1):
        folder.write_sample(epoch, np.full((4, 4), epoch, np.uint8))
    return path


PART = replace(BASE, name="part_c5", hparams=Hyperparameters(real_target=0.9, fake_target=0.1, generator_target=0.9))


def test_a_longer_baseline_is_truncated_to_the_parts_length(tmp_path):
    run = read_run(write(tmp_path / "c5", PART))
    baseline = read_baseline(write(tmp_path / "a", replace(BASE, epochs=5), epochs=5), run, PARTS["part_c5"].changes)
    assert baseline.metrics["generator_loss"].tolist() == [1, 2]
    assert baseline.sampled_epoch == 2
    assert (baseline.samples == 2).all()


@pytest.mark.parametrize(
    ("change", "epochs", "data", "named"),
    [
        (dict(hparams=Hyperparameters(learning_rate=1e-3)), 2, "d", "learning_rate is 0.001"),
        (dict(hparams=Hyperparameters(width_multiplier=2)), 2, "d", "width_multiplier is 2"),
        (dict(seed=1), 2, "d", "seed is 1"),
        (dict(dataset="kmnist"), 2, "d", "dataset is kmnist"),
        ({}, 1, "d", "epochs is 1"),
        ({}, 2, "e", "data is eeeeeeeeeeee"),
    ],
)
def test_a_baseline_that_differs_is_refused_with_the_difference(tmp_path, change, epochs, data, named):
    run = read_run(write(tmp_path / "c5", PART))
    path = write(tmp_path / "a", replace(BASE, **change), epochs, data * 64)
    with pytest.raises(UserError, match=named):
        read_baseline(path, run, PARTS["part_c5"].changes)


def test_a_run_given_twice_counts_once(tmp_path):
    path = write(tmp_path / "a", BASE)
    runs = [read_run(path), read_run(tmp_path / "." / "a")]
    with pytest.raises(UserError, match="given twice"):
        compare(runs, tmp_path / "out", "a")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("remove", "named"),
    [
        ("config.json", "is not a run directory: it contains no config.json"),
        ("metrics.csv", "contains no completed epoch"),
        ("samples/epoch_001.png", "contains no samples"),
    ],
)
def test_a_directory_that_is_no_run_is_reported(tmp_path, remove, named):
    path = write(tmp_path / "a", BASE, epochs=1)
    (path / remove).unlink()
    with pytest.raises(UserError, match=named):
        read_run(path)


@pytest.fixture
def part_b(monkeypatch, tmp_path, capsys):
    """Return a function that runs part_b with training replaced by ready-made directories and returns its output."""

    def train_seeds(base: Config, options: RunOptions, callbacks: Callbacks | None = None) -> list[RunDir]:
        return [RunDir(write(options.out / config.name, config)) for config in configure(base, options)]

    def command(**options) -> str:
        train.run_part(PARTS["part_b"], RunOptions(out=tmp_path, epochs=2, **options))
        return capsys.readouterr().out

    monkeypatch.setattr(train, "train_seeds", train_seeds)
    return command


def test_seeds_are_compared_in_a_separate_directory(tmp_path, part_b):
    for name, seed in (("part_a", 0), ("part_a-seed_2", 2)):  # seed 0 is found as it was trained alone
        config = replace(BASE, name=name, seed=seed)
        write(tmp_path / config.name, config)
    alone = part_b()
    before = (tmp_path / "part_b" / "comparison.csv").read_bytes()
    assert "No comparison" not in alone
    together = part_b(seeds="3")
    assert (tmp_path / "part_b" / "comparison.csv").read_bytes() == before
    table = (tmp_path / "part_b-seeds_0-2-against-part_a" / "comparison.md").read_text()
    assert "| part_a | 2 | 2 |" in table
    assert "| part_b | 3 | 2 |" in table
    assert "difference from part_a" in table
    assert together.count("No comparison") == 1
    assert f"there is no run part_a-seed_1 in {tmp_path}: it holds part_" in together
    assert "part_a: seeds 0, 2" in together
    assert "part_b: seeds 0, 1, 2" in together


def test_a_single_run_finds_its_baseline_among_several_seeds(tmp_path, part_b):
    write(tmp_path / "part_a-seed_0", replace(BASE, name="part_a-seed_0"))
    assert "part_a-seed_0: seed 0" in part_b()


def test_a_comparison_as_data(tmp_path):
    """The tables are plain numbers, and printing them gives the text of the command."""
    runs = [read_run(write(tmp_path / f"a-{seed}", replace(BASE, name=f"a-seed_{seed}", seed=seed))) for seed in (0, 2)]
    runs.append(read_run(write(tmp_path / "b", replace(BASE, name="b", hparams=Hyperparameters(adam_b1=0.5)))))
    found = compare(runs)
    assert found.seeds == {"a": [0, 2], "b": [0]}
    assert found.values["a"]["generator_loss"].values == (2.0, 4.0)
    assert found.differences["b"]["generator_loss"].mean == 2.0 - 3.0
    assert str(found).splitlines()[0].split() == ["run", "a", "b"]
    assert not list(tmp_path.glob("comparison*"))
    frame = found.to_pandas().set_index(["run", "metric"])
    assert frame.loc[("a", "generator_loss"), "mean"] == 3.0
    assert frame.loc[("b", "generator_loss"), "difference"] == -1.0


def test_a_comparison_writes_its_files(tmp_path):
    run = read_run(write(tmp_path / "a", BASE))
    compare([run], tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(COMPARISON_FILES)


def test_no_run_is_no_comparison():
    with pytest.raises(UserError, match="give one run at least"):
        compare([])


def test_without_a_baseline_nothing_is_compared(tmp_path, part_b):
    assert part_b(seeds="2").count("No comparison") == 2
    assert not list(tmp_path.rglob("comparison.*"))


def test_a_name_too_long_for_the_comparison_is_refused_before_training(tmp_path, part_b):
    with pytest.raises(UserError, match="a run's name"):
        part_b(seeds="1,2", name="x" * 80)
    assert not list(tmp_path.iterdir())
