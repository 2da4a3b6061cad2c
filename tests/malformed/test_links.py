"""Links in a run directory, which may lead to any of the user's files: nothing is read or written through them."""

import os
import shutil
from pathlib import Path

import pytest

from gan_jax.runs.run_dir import LOCK, RunDir
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import checkpointed, make_run

FILES = ["config.json", "manifest.json", "metrics.csv", "samples/epoch_002.png", LOCK]
CHECKPOINT = "checkpoints/epoch_002.safetensors"
FOLDERS = ["samples", "checkpoints", "tensorboard"]
EVENTS = "tensorboard/events.out.tfevents.1"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return checkpointed(make_run(tmp_path_factory.mktemp("run") / "part_a"))


@pytest.fixture
def run(tmp_path, original) -> Path:
    """A run with event files and a lock of a process that is gone."""
    copy = Path(shutil.copytree(original, tmp_path / "runs" / "part_a", copy_function=os.link))
    (copy / LOCK).write_text("1234")
    (copy / EVENTS).parent.mkdir()
    (copy / EVENTS).touch()
    return copy


def moved_away(run: Path, name: str) -> None:
    """Replace something intact by a link to it, so that only the link is wrong."""
    outside = run.parent.parent / "outside"
    (run / name).rename(outside)
    (run / name).symlink_to(outside)


def resume(run: Path, archives: Path) -> list[object]:
    return ["part_a", "--archives", archives, "--name", run.name, "--epochs", 3, "--out", run.parent]


@pytest.mark.parametrize("name", [*(name for name in FILES if "samples" not in name), EVENTS, *FOLDERS, CHECKPOINT])
def test_a_run_is_not_resumed_through_a_link(call, tmp_path, run, small_archives, name):
    moved_away(run, name)
    line = assert_refused(call, tmp_path, *resume(run, small_archives))
    assert "a link" in line or "are corrupt" in line
    assert (run / name).is_symlink()


@pytest.mark.parametrize("name", [LOCK, EVENTS, *FOLDERS])
def test_a_run_is_not_overwritten_through_a_link(call, tmp_path, run, small_archives, name):
    moved_away(run, name)
    assert "a link" in assert_refused(call, tmp_path, *resume(run, small_archives), "--overwrite")


@pytest.mark.parametrize("name", ["config.json", "metrics.csv", "samples/epoch_002.png", *FOLDERS])
def test_a_run_is_not_compared_through_a_link(call, tmp_path, run, name):
    moved_away(run, name)
    assert "a link" in assert_refused(call, tmp_path, "compare", run, "--out", tmp_path / "compared")


@pytest.mark.parametrize("name", [*FOLDERS, CHECKPOINT])
def test_a_run_is_not_verified_through_a_link(call, tmp_path, run, name):
    moved_away(run, name)
    line = assert_refused(call, tmp_path, "verify", run, "--archives", tmp_path)
    assert "a link" in line or "checkpoint" in line


@pytest.mark.parametrize("name", ["config.json", "manifest.json", *FOLDERS, CHECKPOINT])
def test_a_run_is_not_sampled_through_a_link(call, tmp_path, run, name):
    moved_away(run, name)
    line = assert_refused(call, tmp_path, "sample", run, "--out", tmp_path / "x.png")
    assert "a link" in line or "are corrupt" in line


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_a_lock_that_is_no_regular_file_is_refused(call, tmp_path, run, small_archives, make):
    (run / LOCK).unlink()
    make(run / LOCK)
    assert str(run / LOCK) in assert_refused(call, tmp_path, *resume(run, small_archives))


def test_a_run_directory_may_itself_be_a_link(call, tmp_path, run):
    """The parent directory may be a link, too: its place is the user's choice."""
    moved_away(run, "")
    assert run.is_symlink()
    assert call("compare", run, "--out", tmp_path / "compared").returncode == 0
    with RunDir(run).locked() as assert_lock_held:
        assert_lock_held()
        assert (run / LOCK).read_text() == str(os.getpid())
