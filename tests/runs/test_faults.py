"""Faulty disks, directories and clocks: one line, nothing intact is lost, and the same command resumes."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.commands import train as train_command
from experiments.harness.inputs import run_data_of
from experiments.harness.options import RunOptions
from experiments.homework.parts import PARTS
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.run_dir import MetricsRow, RunDir
from gan_jax.runs.run_figures import NAMES
from tests.helpers.command import COMMAND, Done, contents
from tests.runs.test_checkpoints import damaged

pytestmark = pytest.mark.usefixtures("optimized")  # as in runs in child processes

EPOCHS = 3
Train = Callable[..., Done]


def arguments(archives: Path, out: Path, epochs: int) -> list[object]:
    return [
        "part_a", "--archives", archives, "--name", "a", "--checkpoint-every", 1, "--epochs", epochs, "--out", out,
    ]  # fmt: skip


@pytest.fixture
def train(call, small_archives) -> Train:
    """Return a function that trains in a directory up to an epoch, with a checkpoint after each epoch."""

    def command(out: Path, epochs: int = EPOCHS, *options: object) -> Done:
        return call(*arguments(small_archives, out, epochs), *options)

    return command


@pytest.fixture(scope="module")
def faultless(tmp_path_factory, small_archives) -> Callable[[int], Path]:
    """Return a function that trains the same run without faults or command line, and gives the runs' directory."""

    def run(epochs: int) -> Path:
        out = tmp_path_factory.mktemp("faultless")
        config = replace(PARTS["part_a"].config, name="a", dataset="archives", epochs=epochs)
        source = run_data_of(RunOptions(archives=small_archives))
        silent = Callbacks(lambda _: None, lambda *_: None, lambda _: None)
        trainer.train([config], source, out, TrainerOptions(checkpoint_every=1), silent, together=False)
        return out

    return run


@pytest.fixture(scope="module")
def begun(faultless) -> Path:
    """The runs' directory with a run of two epochs that has not drawn its figures, each epoch with a checkpoint."""
    out = faultless(2)
    folder = RunDir(out / "a")
    for name in NAMES:
        (folder.path / name).unlink()
    folder.write_manifest({k: v for k, v in folder.read_manifest().items() if k not in ("epochs", "params_sha256")})
    return out


@pytest.fixture(scope="module")
def digest(faultless) -> str:
    """The digest of the parameters after the third epoch."""
    return digest_of(faultless(EPOCHS))


@pytest.fixture
def copied(begun, tmp_path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "copied"))


def digest_of(out: Path) -> str:
    return RunDir(out / "a").read_manifest()["params_sha256"]


def assert_one_line(done: Done, message: str) -> None:
    assert done.returncode == 2, done
    assert done.stderr.startswith("run.sh: error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr


def checkpoint(out: Path, epoch: int) -> Path:
    return out / "a" / "checkpoints" / f"epoch_{epoch:03d}.safetensors"


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_run_resumes_from_the_checkpoint_before_a_damaged_one(train, copied, digest, damage):
    damaged(checkpoint(copied, 2), damage)
    done = train(copied)
    assert done.returncode == 0, done.stderr
    assert f"{checkpoint(copied, 2)} is corrupt and was skipped: " in done.stdout
    assert "resuming after epoch 1" in done.stdout
    assert digest_of(copied) == digest


def test_a_run_without_an_intact_checkpoint_is_not_restarted_unasked(train, copied, digest):
    for epoch in (1, 2):
        damaged(checkpoint(copied, epoch), "truncate")
    before = contents(copied / "a" / "checkpoints")
    assert_one_line(train(copied), "are corrupt: rerun with --overwrite, which retrains from scratch")
    assert contents(copied / "a" / "checkpoints") == before
    assert len(RunDir(copied / "a").read_rows()) == 2
    assert train(copied, EPOCHS, "--overwrite").returncode == 0
    assert digest_of(copied) == digest


def test_a_run_without_any_checkpoint_says_that_it_restarts(train, copied, digest):
    shutil.rmtree(copied / "a" / "checkpoints")
    assert "no checkpoint of its 2 epochs: training from scratch" in train(copied).stdout
    assert digest_of(copied) == digest


def test_a_file_that_cannot_be_written_completely(train, copied, digest):
    """A limit on file sizes stands in for a full disk where nothing can be mounted."""
    before = contents(copied / "a" / "checkpoints")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, hard))
    try:
        done = train(copied)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_one_line(done, f"cannot write the checkpoint {checkpoint(copied, 3)}: File too large")
    assert contents(copied / "a" / "checkpoints") == before
    assert train(copied).returncode == 0
    assert digest_of(copied) == digest


MOUNTS = """
set -u
mount -t tmpfs -o size=50m tmpfs "$OUT" || exit 77
"$@"; echo "full $?"
mount -o remount,size=300m "$OUT"
mount -o remount,ro "$OUT"
"$@"; echo "read-only $?"
mount -o remount,rw "$OUT"
"$@"; echo "mended $?"
"""


def test_a_full_disk_and_a_read_only_one(tmp_path, small_archives, digest):
    """A disk with room for one checkpoint, then for more but read-only, then repaired: the same command each time."""
    script = ["unshare", "--mount", "bash", "-c", MOUNTS, "bash", *COMMAND]
    try:
        done = subprocess.run(
            [*script, *map(str, arguments(small_archives, tmp_path, EPOCHS))],
            env=os.environ | {"OUT": str(tmp_path), "LC_ALL": "C"}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
    assert done.stderr.splitlines() == [
        f"run.sh: error: cannot write the checkpoint {checkpoint(tmp_path, 2)}: No space left on device",
        f"run.sh: error: cannot write {tmp_path / 'a' / '.lock'}: Read-only file system",
    ]
    codes = [line for line in done.stdout.splitlines() if line.startswith(("full", "read-only", "mended"))]
    assert codes == ["full 2", "read-only 2", "mended 0"]
    assert "resuming after epoch 1" in done.stdout
    assert f"SHA-256 of the parameters: {digest}" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission(train, copied):
    (copied / "a" / ".lock").chmod(0o444)
    before = contents(copied)
    assert_one_line(train(copied), f"cannot write {copied / 'a' / '.lock'}: Permission denied")
    assert contents(copied) == before


def after(epoch: int, act: Callable[[], object]) -> Callbacks:
    """Return callbacks that act when an epoch is reported."""

    def act_at_epoch_end(rows: Sequence[MetricsRow]) -> None:
        if rows[0]["epoch"] == epoch:
            act()

    return Callbacks(print, lambda *_: None, act_at_epoch_end)


def test_a_directory_deleted_during_training_is_not_recreated(train, tmp_path, monkeypatch):
    monkeypatch.setattr(train_command, "progress_callbacks", lambda: after(1, lambda: shutil.rmtree(tmp_path / "a")))
    assert_one_line(train(tmp_path), f"{tmp_path / 'a'} was deleted or moved while it was in use")
    assert not list(tmp_path.iterdir())


def test_a_directory_replaced_during_training_is_left_alone(train, tmp_path, begun, monkeypatch):
    """A user may delete a run that is still being trained, and start it again."""

    def replace() -> None:
        shutil.rmtree(tmp_path / "a")
        shutil.copytree(begun / "a", tmp_path / "a")

    monkeypatch.setattr(train_command, "progress_callbacks", lambda: after(1, replace))
    assert_one_line(train(tmp_path), "was deleted or moved while it was in use")
    assert list(contents(tmp_path / "a").values()) == list(contents(begun / "a").values())


def test_nothing_depends_on_the_clock(train, copied, digest, monkeypatch):
    """Files have dates in the future, newer ones older dates, and the clock goes backwards."""
    files = sorted((copied / "a").rglob("*"), reverse=True)
    for index, path in enumerate(files):
        os.utime(path, times=(2**32 + index, 2**32 + index))
    clock = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    monkeypatch.setattr(time, "time_ns", lambda: next(clock) * 10**9)
    done = train(copied)
    assert done.returncode == 0, done.stderr
    assert "resuming after epoch 2" in done.stdout
    assert digest_of(copied) == digest
    assert sorted((copied / "a" / "checkpoints").iterdir()) == [checkpoint(copied, 2), checkpoint(copied, 3)]
