"""A diverging run stops, says where, keeps what it has saved, and finds the operation on request."""

import re

import jax
import numpy as np
import pytest

from gan_jax.runs.checkpoints import load_newest, save
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from tests.helpers.command import Done, contents

pytestmark = pytest.mark.usefixtures("narrow_runs")

RATE = 1e16  # each element's update has this size: sums overflow from the second iteration on


def assert_stopped(done: Done, folder: RunDir) -> int:
    """Assert the line of a diverged run that saved nothing; return the iteration."""
    where = r"the [a-z ]+ became non-finite at iteration (\d) of epoch 1"
    pattern = rf"run\.sh: error: x diverged: {where}\. Lower --learning-rate\n"
    stopped = re.fullmatch(pattern, done.stderr)
    assert done.returncode == 2
    assert stopped is not None, done.stderr
    assert folder.read_rows() == []
    assert not folder.checkpoints.exists()
    return int(stopped[1])


def assert_found(lines: list[str]) -> int:
    """Assert the lines that locate the operation, a product within a layer; return the iteration."""
    first, *calls = lines
    found = re.fullmatch(r"iteration (\d): invalid value \((nan|inf)\) encountered in dot_general, computed in", first)
    assert found is not None, first
    assert calls[0].startswith("  gan_jax/training/train_step.py:")
    assert any("linear(hidden" in call for call in calls)
    assert re.fullmatch(r"  gan_jax/models/matmul.py:\d+: return lax.dot_general\(", calls[-1])
    return int(found[1])


def test_a_run_that_diverges_says_so_and_keeps_what_it_has(call, tmp_path, small_archives):
    command = ["part_a", "--archives", small_archives, "--name", "x", "--out", tmp_path]
    done = call(*command, "--epochs", 2, "--learning-rate", RATE)
    assert_stopped(done, RunDir(tmp_path / "x"))
    assert "x: epoch 1: the same command with --detect-nans finds the operation" in done.stdout
    lower = call(*command, "--epochs", 1, "--learning-rate", 1e-4)  # under the same name, as the line has it
    assert lower.returncode == 0, lower
    assert "diverged" not in RunDir(tmp_path / "x").read_manifest()


def test_earlier_checkpoints_are_kept_and_the_operation_is_found(call, tmp_path, small_archives):
    """Weights in G's second hidden layer are finite but too large after epoch 1, and used first in D's next step."""
    command = ["part_a", "--archives", small_archives, "--name", "x", "--checkpoint-every", 1, "--out", tmp_path]
    assert call(*command, "--epochs", 1).returncode == 0
    folder = RunDir(tmp_path / "x")
    config = folder.read_config()
    assert config is not None
    state, _ = load_newest(folder.checkpoints, initial_state(config))
    assert state is not None
    generator = jax.tree.map(np.array, state.generator)
    generator["params"]["hidden_2"]["kernel"][:] = 3e38
    save(folder.checkpoints, state._replace(generator=generator))
    rows, before = folder.read_rows(), contents(folder.checkpoints)
    done = call(*command, "--epochs", 2, "--detect-nans")
    assert done.returncode == 2
    assert done.stderr.startswith("run.sh: error: x diverged: the ")
    assert "non-finite at iteration 1 of epoch 2. Earlier checkpoints are kept. Lower --learn" in done.stderr
    assert done.stderr.count("\n") == 1
    prefix = "x: epoch 2: "
    lines = [line.removeprefix(prefix) for line in done.stdout.splitlines() if line.startswith(prefix)]
    assert assert_found(lines) == 1
    assert any("fake_images = generated_images(" in line for line in lines)
    assert len([line for line in lines if "hidden = nn.leaky_relu(linear(hidden, size" in line]) == 1
    assert folder.read_rows() == rows
    assert contents(folder.checkpoints) == before
    assert folder.sampled_epochs() == [1]


@pytest.mark.slow  # half a minute of compilation, operation by operation
def test_the_same_command_finds_the_operation(call, tmp_path, small_archives):
    command = ["part_a", "--archives", small_archives, "--name", "x", "--epochs", 2, "--out", tmp_path]
    done = call(*command, "--learning-rate", RATE, "--detect-nans")
    iteration = assert_stopped(done, RunDir(tmp_path / "x"))
    lines = [line.removeprefix("x: epoch 1: ") for line in done.stdout.splitlines() if line.startswith("x: epoch 1: ")]
    assert assert_found(lines) <= iteration


def test_the_torch_baseline_has_no_detect_nans(call, tmp_path):
    done = call("torch_baseline", "part_a", "--detect-nans", "--out", tmp_path)
    assert done.returncode == 2
    assert "torch_baseline does not support --detect-nans" in done.stderr
