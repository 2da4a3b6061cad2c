"""A part is compared only with a baseline of the same options, data and length."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.commands import train
from experiments.harness.comparison import compare, read_baseline, read_run
from experiments.harness.options import RunOptions, configure
from experiments.homework.parts import PARTS
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import UserError
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


@pytest.mark.parametrize("remove", ["config.json", "metrics.csv", "samples/epoch_001.png"])
def test_a_directory_that_is_no_run_is_reported(tmp_path, remove):
    path = write(tmp_path / "a", BASE, epochs=1)
    (path / remove).unlink()
    with pytest.raises(UserError, match="contains no"):
        read_run(path)


@pytest.fixture
def part_b(monkeypatch, tmp_path, capsys):
    """Return a function that runs part_b with training replaced by ready-made directories and returns its output."""

    def train_seeds(base: Config, options: RunOptions) -> list[RunDir]:
        return [RunDir(write(options.out / config.name, config)) for config in configure(base, options)]

    def command(**options) -> str:
        train.run_part(PARTS["part_b"], RunOptions(out=tmp_path, epochs=2, **options))
        return capsys.readouterr().out

    monkeypatch.setattr(train, "train_seeds", train_seeds)
    return command


def test_seeds_are_compared_in_a_separate_directory(tmp_path, part_b):
    for seed in (0, 2):
        config = replace(BASE, name=f"part_a-seed_{seed}" if seed else "part_a", seed=seed)
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
    assert f"there is no directory {tmp_path / 'part_a-seed_1'}" in together


def test_without_a_baseline_nothing_is_compared(tmp_path, part_b):
    assert part_b(seeds="2").count("No comparison") == 2
    assert not list(tmp_path.rglob("comparison.*"))


def test_a_name_too_long_for_the_comparison_is_refused_before_training(tmp_path, part_b):
    with pytest.raises(UserError, match="a run's name"):
        part_b(seeds="1,2", name="x" * 80)
    assert not list(tmp_path.iterdir())
