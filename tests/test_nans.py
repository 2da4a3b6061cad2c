"""A run whose numbers are no longer finite stops, says where, keeps what it had, and finds the operation if asked."""

import re

import jax
import numpy as np
import pytest

from gan_jax.config import Setting
from gan_jax.data import load_archives
from gan_jax.nans import find_operation
from gan_jax.run_folder import RunFolder
from gan_jax.training import init_state
from tests.command import Done

RATE = 1e8  # an update is of its size an element: sums overflow from the second iteration on


def assert_stopped(done: Done, folder: RunFolder) -> int:
    """The line that tells it, after which nothing is kept; returns the iteration."""
    told = (
        r"run.sh: error: x diverged: the [a-z ]+ is not finite from iteration (\d) of epoch 1 on\. .* Lower --learn.*\n"
    )
    stopped = re.fullmatch(told, done.stderr)
    assert done.returncode == 2
    assert stopped is not None, done.stderr
    assert folder.read_rows() == []
    assert not folder.checkpoints.exists()
    return int(stopped[1])


def assert_found(lines: list[str]) -> int:
    """The lines that tell the operation, a product within a layer; returns the iteration."""
    first, *calls = lines
    found = re.fullmatch(r"iteration (\d): invalid value \((nan|inf)\) encountered in dot_general, computed in", first)
    assert found is not None, first
    assert calls[0].startswith("  gan_jax/training.py:")
    assert any("linear(hidden" in call for call in calls)
    assert re.fullmatch(r"  gan_jax/products.py:\d+: return lax.dot_general\(", calls[-1])
    return int(found[1])


def test_a_run_that_diverges_says_so_and_keeps_what_it_has(call, tmp_path, small_archives):
    command = ["part_a", "--archives", small_archives, "--name", "x", "--epochs", 2, "--out", tmp_path]
    done = call(*command, "--learning-rate", RATE)
    assert_stopped(done, RunFolder(tmp_path / "x"))
    assert "x: epoch 1: the same command with --detect-nans finds the operation" in done.stdout


@pytest.mark.slow  # half a minute of compiling: each operation by itself
def test_the_same_command_finds_the_operation(call, tmp_path, small_archives):
    command = ["part_a", "--archives", small_archives, "--name", "x", "--epochs", 2, "--out", tmp_path]
    done = call(*command, "--learning-rate", RATE, "--detect-nans")
    iteration = assert_stopped(done, RunFolder(tmp_path / "x"))
    lines = [line.removeprefix("x: epoch 1: ") for line in done.stdout.splitlines() if line.startswith("x: epoch 1: ")]
    assert assert_found(lines) <= iteration


def test_the_operation_is_found(small_archives):
    """In G's second hidden layer, whose weights are finite and too large, and which D's first step computes first."""
    setting = Setting()
    state = init_state(jax.random.key(0), setting)
    generator = jax.tree.map(np.array, state.generator)
    generator["params"]["hidden_2"]["kernel"][:] = 3e38
    images = jax.numpy.asarray(load_archives(small_archives).train_images)
    lines = find_operation(state._replace(generator=generator), images, setting, 1)
    assert assert_found(lines) == 1
    assert any("pairs = jnp.stack([real_images, generated_images(" in line for line in lines)
    assert len([line for line in lines if "hidden = nn.leaky_relu(linear(hidden, size" in line]) == 1


def test_torch_has_no_operations_of_jax(call, tmp_path):
    done = call("torch_baseline", "part_a", "--detect-nans", "--out", tmp_path)
    assert done.returncode == 2
    assert "torch_baseline has none" in done.stderr
