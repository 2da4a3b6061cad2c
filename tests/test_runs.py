"""Whole runs through the command line, on few real digits: what they leave, and what their bits do not depend on."""

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax.run_folder import RunFolder
from tests.command import COMMAND, contents, run

EPOCHS = 3


@pytest.fixture(scope="module")
def arguments(small_archives) -> list[str]:
    return ["part_a", "--archives", str(small_archives), "--name", "a", "--checkpoint-every", "1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, arguments) -> Path:
    """An uninterrupted run of three epochs; the folder of runs."""
    out = tmp_path_factory.mktemp("runs")
    done = run(*arguments, "--epochs", EPOCHS, "--out", out)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^epoch +\d/3  loss D \d.*left$", done.stdout, re.MULTILINE)) == EPOCHS
    return out


def digest(out: Path, name: str = "a") -> str:
    return json.loads((out / name / "manifest.json").read_text())["params_sha256"]


def test_a_run_leaves_its_folder(finished):
    folder = RunFolder(finished / "a")
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "config.json", "manifest.json", "metrics.csv", "learning_curve.png", "diagnostics.png", "samples.gif",
        "samples", "checkpoints",
    }  # fmt: skip
    metrics = folder.read_metrics()
    assert metrics["epoch"].tolist() == [1, 2, 3]
    assert all(np.isfinite(column).all() for column in metrics.values())
    assert folder.sampled_epochs() == [1, 2, 3]
    with Image.open(folder.path / "samples.gif") as animation:
        assert getattr(animation, "n_frames", 1) == EPOCHS
    with Image.open(folder.sample(3)) as grid:
        assert grid.size == (242, 242)  # eight of 28 pixels with nine gaps of 2
        pixels = np.asarray(grid)
    assert pixels[2:30, 2:30].std() > 0
    manifest = folder.read_manifest()
    for name in ("versions", "backend", "device", "xla_flags", "data_sha256", "git_commit", "seed", "params_sha256"):
        assert name in manifest


def test_a_finished_run_is_not_trained_again(finished, arguments):
    before = contents(finished)
    done = run(*arguments, "--epochs", EPOCHS, "--out", finished)
    assert done.returncode == 0
    assert "is finished at epoch 3" in done.stdout
    assert contents(finished) == before


def test_a_run_that_is_another_is_refused(finished, arguments):
    before = contents(finished)
    for change in (["--learning-rate", "1e-3"], ["--seed", "1"], ["--epochs", "2"], ["--precision", "bfloat16"]):
        done = run(*arguments, "--epochs", EPOCHS, "--out", finished, *change)
        assert done.returncode == 2
        assert "another configuration" in done.stderr
    assert contents(finished) == before


def test_other_data_are_refused_and_overwrite_starts_anew(tmp_path, arguments, small_archives, finished):
    run(*arguments, "--epochs", 1, "--out", tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for path in small_archives.iterdir():
        name = path.name.replace("train", "x").replace("t10k", "train").replace("x", "t10k", 1)
        (other / name).write_bytes(path.read_bytes())
    keepsake = tmp_path / "a" / "notes.txt"
    keepsake.write_text("mine")
    refused = run(*arguments, "--epochs", 2, "--out", tmp_path, "--archives", other, "--batch-size", "512")
    assert refused.returncode == 2  # 300 images of the other archives are fewer than a batch
    assert "batch size" in refused.stderr
    again = run(*arguments, "--epochs", EPOCHS, "--out", tmp_path, "--overwrite")
    assert again.returncode == 0
    assert keepsake.read_text() == "mine"
    assert digest(tmp_path) == digest(finished)


def test_habits_do_not_change_the_bits(tmp_path, arguments, finished):
    """Another cadence of checkpoints and samples, a terminal with a progress bar, an extended run: the same hash."""
    assert run(*arguments, "--epochs", 1, "--out", tmp_path, "--samples-every", "5").returncode == 0
    reader, writer = pty.openpty()
    rest = [*COMMAND, *arguments, "--epochs", str(EPOCHS), "--out", str(tmp_path), "--checkpoint-every", "7"]
    process = subprocess.Popen(rest, stdout=writer, stderr=writer)
    os.close(writer)
    shown = b""
    while True:
        try:
            chunk = os.read(reader, 4096)
        except OSError:  # the terminal is closed with its last process
            break
        shown += chunk
    os.close(reader)
    assert process.wait() == 0
    assert b"3/3" in shown
    assert b"epoch" in shown
    assert digest(tmp_path) == digest(finished)
    # Measurements, except the seconds, are the same bits too.
    for name, column in RunFolder(finished / "a").read_metrics().items():
        if name != "seconds":
            np.testing.assert_array_equal(column, RunFolder(tmp_path / "a").read_metrics()[name])


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, arguments, finished, epoch):
    """SIGKILL as soon as an epoch is told, and the same command again."""
    command = [*COMMAND, *arguments, "--epochs", str(EPOCHS), "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"epoch   {epoch}/"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert "params_sha256" not in (tmp_path / "a" / "manifest.json").read_text()
    again = run(*arguments, "--epochs", EPOCHS, "--out", tmp_path)
    assert f"resuming after epoch {epoch}" in again.stdout
    assert digest(tmp_path) == digest(finished)


def test_part_b_is_compared_with_part_a(tmp_path, small_archives):
    options = ["--archives", small_archives, "--epochs", 2, "--out", tmp_path]
    alone = run("part_b", *options)
    assert alone.returncode == 0
    assert "./run.sh part_a" in alone.stdout
    assert not list(tmp_path.rglob("comparison.png"))
    run("part_a", *options)
    assert digest(tmp_path, "part_a-archives") != digest(tmp_path, "part_b-archives")
    compared = run("part_b", *options)
    assert compared.returncode == 0
    assert (tmp_path / "part_b-archives" / "comparison.png").stat().st_size > 10_000
    metrics = RunFolder(tmp_path / "part_b-archives").read_metrics()
    assert f"D(G(z)) is {metrics['fake_probability'][-1]:.2g} in part_b-archives" in compared.stdout


def test_another_seed_gives_another_hash(tmp_path, arguments, finished):
    assert run(*arguments, "--epochs", EPOCHS, "--out", tmp_path, "--seed", "1").returncode == 0
    assert digest(tmp_path) != digest(finished)
