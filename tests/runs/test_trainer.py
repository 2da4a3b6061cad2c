"""Whole runs through the command line, on few real digits: their files, and their independence of options.

Only what depends on it uses a separate process: the first run, one on a terminal, and those that get signals. The
rest runs in this process, with the same bits.
"""

import json
import os
import pty
import re
import signal
import subprocess
import termios
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.config import Hyperparameters
from gan_jax.runs import trainer
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.state import init_state
from tests.conftest import SMALL_TEST, write_idx
from tests.helpers.command import COMMAND, contents, run

pytestmark = pytest.mark.usefixtures("optimized")  # the promise of equal bits is for programs compiled as for users

EPOCHS = 3


@pytest.fixture(scope="module")
def part_a(small_archives):
    """Return a function that makes the command line of `part_a` on the small archives, with more options."""

    def arguments(out: Path, **options: object) -> list[str]:
        options = {
            "archives": small_archives,
            "name": "a",
            "checkpoint_every": 1,
            "epochs": EPOCHS,
            "out": out,
        } | options
        return ["part_a", *(str(word) for name, value in options.items() for word in _option(name, value))]

    return arguments


def _option(name: str, value: object) -> list[object]:
    flag = "--" + name.replace("_", "-")
    return [flag] if value is True else [flag, value]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, part_a) -> Path:
    """The runs' directory with an uninterrupted run of three epochs."""
    out = tmp_path_factory.mktemp("runs")
    done = run(*part_a(out))
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^epoch +\d/3  loss D \d.*(?:left|compilation included)$", done.stdout, re.MULTILINE)
    assert len(lines) == EPOCHS
    return out


def digest(out: Path, name: str = "a") -> str:
    return json.loads((out / name / "manifest.json").read_text())["params_sha256"]


def test_a_run_writes_its_files(finished):
    folder = RunDir(finished / "a")
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "config.json", "manifest.json", "metrics.csv", "learning_curve.png", "diagnostics.png", "samples.gif",
        "samples", "checkpoints", ".lock",
    }  # fmt: skip
    metrics = folder.read_metrics()
    assert metrics["epoch"].tolist() == [1, 2, 3]
    assert all(np.isfinite(metrics[name]).all() for name in ("epoch", *StepInfo._fields, "seconds"))
    assert all(np.isfinite(column[-1]) for column in metrics.values())  # samples are evaluated at the end only
    assert folder.sampled_epochs() == [1, 2, 3]
    with Image.open(folder.path / "samples.gif") as animation:
        assert getattr(animation, "n_frames", 1) == EPOCHS
    with Image.open(folder.sample(3)) as grid:
        assert grid.size == (242, 242)  # eight times 28 pixels with nine gaps of 2
        pixels = np.asarray(grid)
    assert pixels[2:30, 2:30].std() > 0
    manifest = folder.read_manifest()
    for name in ("versions", "backend", "device", "xla_flags", "data_sha256", "git_commit", "seed", "params_sha256"):
        assert name in manifest


def test_a_finished_run_is_not_trained_again(finished, part_a, call):
    before = contents(finished)
    done = call(*part_a(finished))
    assert done.returncode == 0
    assert "is already finished (3 epochs)" in done.stdout
    assert contents(finished) == before


def test_a_different_run_of_the_same_name_is_refused(finished, part_a, call):
    before = contents(finished)
    for change, message in (
        ({"learning_rate": 1e-3}, "a different configuration (learning_rate: 0.0002 in the run, 0.001 now)"),
        ({"seed": 1}, "a different configuration (seed: 0 in the run, 1 now)"),
        ({"precision": "bfloat16"}, "a different configuration (precision: float32 in the run, bfloat16 now)"),
        (
            {"learning_rate": 1e-3, "epochs": 2},
            "a different configuration (learning_rate: 0.0002 in the run, 0.001 now)",
        ),
        ({"epochs": 2}, "already has 3 epochs"),
    ):
        done = call(*part_a(finished, **change))
        assert done.returncode == 2
        assert message in done.stderr
    assert contents(finished) == before


def test_a_directory_in_use_is_refused(tmp_path, part_a, call):
    """While a process trains there, another is told its number; once that is killed, the next one resumes."""
    with subprocess.Popen([*COMMAND, *part_a(tmp_path, epochs=500)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        next(line for line in first.stdout if line.startswith("epoch   1/"))
        second = call(*part_a(tmp_path, epochs=500))
        assert second.returncode == 2
        assert f"is in use by process {first.pid}: wait for it" in second.stderr
        first.kill()
    rows = len(RunDir(tmp_path / "a").read_rows())
    assert call(*part_a(tmp_path, epochs=rows + 1)).returncode == 0


def test_other_data_are_refused_and_overwrite_restarts(tmp_path, part_a, small_archives, finished, call):
    call(*part_a(tmp_path, epochs=1))
    other = tmp_path / "other"
    other.mkdir()
    for path in small_archives.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    write_idx(other / "t10k-labels-idx1-ubyte.gz", np.zeros(SMALL_TEST))
    keepsake = tmp_path / "a" / "notes.txt"
    keepsake.write_text("mine")
    refused = call(*part_a(tmp_path, epochs=2, archives=other))
    assert refused.returncode == 2
    assert "trained on different data" in refused.stderr
    again = call(*part_a(tmp_path, overwrite=True))
    assert again.returncode == 0
    assert keepsake.read_text() == "mine"
    assert digest(tmp_path) == digest(finished)


def test_trainer_options_do_not_change_the_bits(tmp_path, part_a, finished, call):
    """Another cadence, states kept against NaNs, a progress bar on a terminal, an extended run: the same digest."""
    assert call(*part_a(tmp_path, epochs=1, samples_every=5, detect_nans=True)).returncode == 0
    try:
        reader, writer = pty.openpty()
    except OSError as error:
        pytest.skip(f"there are no pseudo-terminals here: {error}")
    termios.tcsetwinsize(writer, (40, 110))
    rest = [*COMMAND, *part_a(tmp_path, checkpoint_every=7)]
    process = subprocess.Popen(rest, stdout=writer, stderr=writer)
    os.close(writer)
    shown = b""
    while True:
        try:
            chunk = os.read(reader, 4096)
        except OSError:  # the terminal closes with its last process
            break
        shown += chunk
    os.close(reader)
    assert process.wait() == 0
    assert b"3/3" in shown
    assert b"epoch" in shown  # the rate's unit
    assert digest(tmp_path) == digest(finished)
    # Metrics have the same bits except the seconds; samples were evaluated at epoch 1 here as well.
    there, here = (RunDir(out / "a").read_metrics() for out in (finished, tmp_path))
    assert there.keys() == here.keys()
    for name in there.keys() - {"seconds"}:
        evaluated = np.isfinite(there[name])
        np.testing.assert_array_equal(there[name][evaluated], here[name][evaluated])


@pytest.mark.parametrize("epoch", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, part_a, finished, epoch, call):
    """SIGKILL as soon as an epoch is reported, then the same command; tests/runs/test_soak.py has other moments."""
    command = [*COMMAND, *part_a(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"epoch   {epoch}/"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert "params_sha256" not in (tmp_path / "a" / "manifest.json").read_text()
    again = call(*part_a(tmp_path))
    assert f"resuming after epoch {epoch}" in again.stdout
    assert digest(tmp_path) == digest(finished)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_run_asked_to_stop_saves_and_says_how_to_resume(tmp_path, part_a, number, code, call):
    """No checkpoint is due: the run ends after the current epoch, and the rest gives the same bits."""
    command = [*COMMAND, *part_a(tmp_path, checkpoint_every=500, epochs=500)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("epoch   1/"))
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == code
    assert "stopping after this epoch with a checkpoint" in errors
    epoch = len(RunDir(tmp_path / "a").read_rows())
    assert f"stopped after epoch {epoch} of 500: the same command resumes there" in errors
    again = call(*part_a(tmp_path, epochs=epoch + 1))
    assert f"resuming after epoch {epoch}" in again.stdout
    assert call(*part_a(tmp_path / "whole", epochs=epoch + 1)).returncode == 0
    assert digest(tmp_path) == digest(tmp_path / "whole")


def test_part_b_is_compared_with_part_a(tmp_path, small_archives, call):
    options = ["--archives", small_archives, "--epochs", 2, "--out", tmp_path]
    alone = call("part_b", *options)
    assert alone.returncode == 0
    assert "./run.sh part_a" in alone.stdout
    assert not list(tmp_path.rglob("comparison.png"))
    call("part_a", *options)
    assert digest(tmp_path, "part_a-archives") != digest(tmp_path, "part_b-archives")
    compared = call("part_b", *options)
    assert compared.returncode == 0
    assert (tmp_path / "part_b-archives" / "comparison.png").stat().st_size > 10_000
    metrics = RunDir(tmp_path / "part_b-archives").read_metrics()
    assert f"D(G(z)) is {metrics['fake_probability'][-1]:.2g} in part_b-archives" in compared.stdout


def test_another_seed_gives_another_hash(tmp_path, part_a, finished, call):
    assert call(*part_a(tmp_path, seed=1)).returncode == 0
    assert digest(tmp_path) != digest(finished)


def test_width_reaches_the_run(call, tmp_path, small_archives):
    done = call("train", "--width-multiplier", 2, "--epochs", 1, "--archives", small_archives, "--out", tmp_path)
    assert done.returncode == 0, done
    config = RunDir(tmp_path / "train-archives").read_config()
    assert config is not None
    assert config.hparams == Hyperparameters(width_multiplier=2)
    shapes = jax.eval_shape(lambda: init_state(jax.random.key(0), config.hparams))
    assert shapes.discriminator["params"]["hidden_2"]["kernel"].shape == (2048, 1024)
    assert shapes.generator["params"]["image"]["kernel"].shape == (2048, 784)


def test_a_checkpoint_is_saved_after_minutes_whatever_the_epochs(tmp_path, small_archives, call, monkeypatch):
    """Only the newest two are kept: those of the last two epochs show that each of them was saved."""
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0)
    done = call("part_a", "--archives", small_archives, "--epochs", 3, "--out", tmp_path, "--checkpoint-every", 100)
    assert done.returncode == 0, done
    [run] = tmp_path.iterdir()
    assert sorted(path.stem for path in RunDir(run).checkpoints.glob("*.safetensors")) == ["epoch_002", "epoch_003"]
