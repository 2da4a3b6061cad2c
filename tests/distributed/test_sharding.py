"""A batch, or seeds, sharded over virtual devices of the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command import Done, run

ROOT = Path(__file__).parents[2]
FOUR = {"JAX_NUM_CPU_DEVICES": "4"}
THREE = FOUR | {"JAX_NUM_CPU_DEVICES": "3"}


def found(*options: str) -> dict:
    """Run tests/helpers/devices.py and return what it prints."""
    command = [sys.executable, "-m", "tests.helpers.devices", *options]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | FOUR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def trained(cache) -> dict[int, dict]:
    """Results by number of devices."""
    return {int(devices): values for devices, values in found().items()}


@pytest.mark.parametrize("devices", [2, 4])
def test_an_update_has_one_all_reduce_and_no_other_collective(trained, devices):
    """The program has one step of D, in a loop, and one of G; their metrics are summed along with G's gradient."""
    assert trained[1]["collectives"] == []
    assert trained[devices]["collectives"] == ["all-reduce", "all-reduce"]


@pytest.mark.slow
def test_penalties_add_no_collective_except_dragans_statistics(cache):
    """DRAGAN's standard deviation over all pixels takes two more sums: the mean, and the squares around it."""
    assert found("options") == {"slopes": ["all-reduce"] * 2, "DRAGAN": ["all-reduce"] * 4}


def test_sharded_training_is_close_to_a_single_device(trained):
    """Sums differ in order by 1e-7 in a gradient, which can flip the sign of Adam's first steps of 2e-4 each."""
    assert trained[2]["placed_alike"]
    for name, tolerance in (("infos", 1e-3), ("generator", 1e-4)):
        ours, alone = np.array(trained[2][name]), np.array(trained[1][name])
        assert np.isfinite(alone).all()
        np.testing.assert_allclose(ours, alone, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("devices", [2, 4])
def test_sharded_seeds_need_no_collective_within_an_epoch(trained, devices):
    assert trained[devices]["collectives_in_the_loops_of_seeds"] == []


def test_seeds_sharded_over_devices_equal_those_of_one_device(trained):
    ours, alone = (np.array(trained[count]["generators_of_seeds"]) for count in (2, 1))
    np.testing.assert_allclose(ours, alone, rtol=1e-4, atol=1e-4)
    assert len(np.unique(alone[:, 0])) == 4


@pytest.fixture(scope="module")
def train(tmp_path_factory, small_archives):
    out = tmp_path_factory.mktemp("runs")

    def train(name: str, devices: int, epochs: int = 2):
        options = ("--archives", small_archives, "--epochs", epochs, "--batch-size", 256, "--checkpoint-every", 1)
        return run("train", *options, "--devices", devices, "--name", name, "--out", out, **THREE)

    train.out = out
    return train


def test_a_run_resumes_on_another_number_of_devices(train):
    """The bits for two devices, in one process or in two, are compared in tests/distributed/test_session.py."""
    assert train("one", 1, 1).returncode == 0
    done = train("one", 2, 2)
    assert "on 2 devices of the CPU" in done.stdout
    assert "resuming after epoch 1" in done.stdout, done.stderr
    manifest = json.loads((train.out / "one" / "manifest.json").read_text())
    assert [manifest["earlier"][0]["device_count"], manifest["device_count"]] == [1, 2]


@pytest.mark.slow
def test_the_same_number_of_devices_gives_the_same_bits(train):
    digests = []
    for name in ("first", "second"):
        done = train(name, 2, 1)
        assert done.returncode == 0, done.stderr
        digests.append(json.loads((train.out / name / "manifest.json").read_text()))
    assert digests[0]["params_sha256"] == digests[1]["params_sha256"]
    assert digests[0]["device_count"] == 2


def assert_one_line(done: Done | subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_batch_that_does_not_divide_among_devices_is_one_line(train):
    assert_one_line(train("none", 3), "a batch of 256 cannot be spread evenly over 3 devices")
    assert not (train.out / "none").exists()


@pytest.mark.parametrize(
    ("devices", "message"),
    [(9, "--devices 9: there is 1; JAX_NUM_CPU_DEVICES=9 makes as many"), (0, "at least 1, not 0")],
)
def test_missing_devices_are_one_line(call, tmp_path, small_archives, devices, message):
    done = call("train", "--archives", small_archives, "--devices", devices, "--out", tmp_path / "runs")
    assert_one_line(done, message)
    assert not (tmp_path / "runs").exists()
