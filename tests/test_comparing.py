"""A part is compared with a baseline that was made with the same options, data and length, and with no other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.comparing import compare, read_baseline, read_run
from gan_jax.config import Config, Setting
from gan_jax.errors import UserError
from gan_jax.run_folder import RunFolder

BASE = Config(name="part_a", epochs=2)


def write(path: Path, config: Config, epochs: int = 2, data: str = "d" * 64) -> Path:
    folder = RunFolder(path)
    folder.write_config(config)
    folder.write_manifest({"data_sha256": data})
    folder.write_rows([{"epoch": epoch, "generator_loss": float(epoch)} for epoch in range(1, epochs + 1)])
    for epoch in range(1, epochs + 1):
        folder.write_sample(epoch, np.full((4, 4), epoch, np.uint8))
    return path


PART = replace(BASE, name="part_c5", setting=Setting(real_target=0.9, fake_target=0.1, generator_target=0.9))


def test_a_longer_baseline_is_taken_as_it_was(tmp_path):
    run = read_run(write(tmp_path / "c5", PART))
    baseline = read_baseline(write(tmp_path / "a", replace(BASE, epochs=5), epochs=5), run)
    assert baseline.metrics["generator_loss"].tolist() == [1, 2]
    assert baseline.sampled_epoch == 2
    assert (baseline.samples == 2).all()


@pytest.mark.parametrize(
    ("change", "epochs", "data", "named"),
    [
        (dict(setting=Setting(learning_rate=1e-3)), 2, "d", "learning_rate is 0.001"),
        (dict(setting=Setting(width=2)), 2, "d", "width is 2"),
        (dict(seed=1), 2, "d", "seed is 1"),
        (dict(dataset="kmnist"), 2, "d", "dataset is kmnist"),
        ({}, 1, "d", "epochs is 1"),
        ({}, 2, "e", "data is eeeeeeeeeeee"),
    ],
)
def test_another_baseline_is_refused_with_the_difference(tmp_path, change, epochs, data, named):
    run = read_run(write(tmp_path / "c5", PART))
    path = write(tmp_path / "a", replace(BASE, **change), epochs, data * 64)
    with pytest.raises(UserError, match=named):
        read_baseline(path, run)


def test_a_run_counts_once(tmp_path):
    path = write(tmp_path / "a", BASE)
    runs = [read_run(path), read_run(tmp_path / "." / "a")]
    with pytest.raises(UserError, match="named twice"):
        compare(runs, tmp_path / "out", "a")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("remove", ["config.json", "metrics.csv", "samples/epoch_001.png"])
def test_what_is_no_run_is_told(tmp_path, remove):
    path = write(tmp_path / "a", BASE, epochs=1)
    (path / remove).unlink()
    with pytest.raises(UserError, match="holds no"):
        read_run(path)
