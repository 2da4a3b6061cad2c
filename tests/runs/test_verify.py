"""`verify` trains a run again: equal bits are confirmed, and every difference is reported."""

import json
import shutil
from pathlib import Path

import pytest

from tests.helpers.command import contents, run

pytestmark = pytest.mark.usefixtures("optimized")  # the promise of equal bits is for programs compiled as for users


@pytest.fixture(scope="module")
def original(tmp_path_factory, small_archives) -> Path:
    """A finished run of three epochs with checkpoints of the last two."""
    out = tmp_path_factory.mktemp("runs")
    options = (
        "--archives",
        small_archives,
        "--epochs",
        3,
        "--checkpoint-every",
        1,
        "--batch-size",
        256,
        "--evaluate-every",
        2,
    )
    done = run("train", *options, "--name", "mine", "--out", out)
    assert done.returncode == 0, done.stderr
    return out / "mine"


@pytest.fixture
def copied(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copied"))


def manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def unfinish(folder: Path) -> None:
    """Remove from the manifest what the end of a run adds."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    del values["epochs"], values["params_sha256"]
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("since", [0, 2])
def test_equal_bits_are_confirmed(call, original, small_archives, since):
    before = contents(original)
    done = call("verify", "mine", "--out", original.parent, "--archives", small_archives, "--since", since)
    assert done.returncode == 0, done.stdout + done.stderr
    digest = json.loads((original / "manifest.json").read_text())["params_sha256"]
    assert f"metrics of epochs {since + 1} to 3, and the parameters" in done.stdout
    assert digest in done.stdout
    assert f"epochs {since + 1} to 3" in done.stdout
    assert contents(original) == before


def test_an_unfinished_run_is_verified_up_to_its_checkpoint(call, copied, small_archives):
    (copied / "checkpoints" / "epoch_003.safetensors").unlink()
    unfinish(copied)
    done = call("verify", copied, "--archives", small_archives)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "metrics of epochs 1 to 2," in done.stdout


def test_differences_are_reported(call, copied, small_archives):
    """Change a value in the metrics, the parameters and the recorded version."""
    lines = (copied / "metrics.csv").read_text().splitlines()
    values = lines[2].split(",")
    values[2] = "0.5"
    (copied / "metrics.csv").write_text("\n".join([*lines[:2], ",".join(values), *lines[3:]]) + "\n")
    versions = json.loads((copied / "manifest.json").read_text())["versions"]
    changes = {"versions": versions | {"jaxlib": "0.0.1"}, "processor_count": 99, "host_count": 2}
    changes["jax_variables"] = {"JAX_ENABLE_X64": "1"}
    earlier = [{"until_epoch": 1, "device_count": 2}]  # begun on two devices, resumed on one
    manifest(copied, params_sha256="0" * 64, earlier=earlier, **changes)
    done = call("verify", copied, "--archives", small_archives)
    assert done.returncode == 1
    assert "environment changed: jaxlib was 0.0.1, is " in done.stdout
    assert "environment changed: processor_count was 99, is " in done.stdout
    assert "environment changed: host_count was 2, is 1" in done.stdout
    assert "environment changed: jax_variables was {'JAX_ENABLE_X64': '1'}, is {}" in done.stdout
    assert "environment changed: device_count was 2, is 1" in done.stdout
    assert "differs: metrics differ in 1 of 3 epochs, first in epoch 2: discriminator_loss was 0.5, is " in done.stdout
    assert f"SHA-256 was {'0' * 64}, is " in done.stdout
    assert "The environment changed (see above)" in done.stdout


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda run: None, ["--since", 1], "there is no checkpoint of epoch 1"),
        (lambda run: None, ["--since", 3], "must be from 1 to 2 for a run of 3 epochs, not 3"),
        (lambda run: None, ["--since", -1], "epochs, not -1"),
        (lambda run: (run / "config.json").unlink(), [], "is not a run directory"),
        (lambda run: (run / "metrics.csv").unlink(), [], "ends before epoch 3"),
        (lambda run: manifest(run, trainer="torch"), [], "was trained by torch"),
        (lambda run: manifest(run, data_sha256="0"), [], "was trained on different data"),
        (lambda run: manifest(run, classifier_sha256="0"), [], "was evaluated with another classifier"),
        (lambda run: manifest(run, device_count=64), [], "was trained on 64 devices: 1 available"),
        (lambda run: manifest(run, earlier=[{"until_epoch": 1, "seeds_together": [0, 1]}]), [], "partly alone"),
        (lambda run: (unfinish(run), shutil.rmtree(run / "checkpoints")), [], "nothing to compare with"),
    ],
)
def test_runs_that_cannot_be_verified_are_one_line(call, copied, small_archives, change, options, message):
    change(copied)
    before = contents(copied)
    done = call("verify", copied, "--archives", small_archives, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "--since" not in options or done.stdout == ""  # it is refused before any other line
    assert contents(copied) == before


def test_missing_archives_are_asked_for(call, copied):
    done = call("verify", copied)
    assert done.returncode == 2
    assert "pass their directory with --archives" in done.stderr
