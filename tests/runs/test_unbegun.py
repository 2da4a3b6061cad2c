"""Directories of runs of which nothing was trained: the name is free again, and nothing that is in them is deleted."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

import gan_jax
from gan_jax.config import Config
from gan_jax.errors import UserError
from gan_jax.runs.ownership import require_same_config
from gan_jax.runs.run_dir import RunDir
from tests.malformed.run_folder import CONFIG, checkpointed, make_run

pytestmark = pytest.mark.usefixtures("own_tables", "narrow_runs")

BROKEN = """
from gan_jax.losses.adversarial import LOSSES, GanLoss

LOSSES["mine"] = GanLoss(lambda real, fake, targets: real.nonsense(), lambda real, fake, targets: fake.mean())
"""


@pytest.fixture
def unbegun(tmp_path) -> RunDir:
    """Return a run that ended before its first epoch, with the files that the trainer and the user put there."""
    folder = RunDir(tmp_path / "runs" / "few")
    folder.write_config(replace(CONFIG, name="few"))
    folder.write_manifest({"trainer": "jax", "data_sha256": "0" * 64, "plugins": [{"file": "x.py", "sha256": "0"}]})
    (folder.path / "notes.txt").write_text("mine")
    (folder.path / "samples").mkdir()
    (folder.path / "samples" / "mine.png").write_text("mine")
    return folder


def test_a_plugin_that_fails_in_training_does_not_take_the_name(call, tmp_path, small_archives, forget):
    """The next try may have another loss, the corrected plugin or none, and other options."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(BROKEN)
    options = ("train", "--archives", small_archives, "--out", tmp_path / "runs", "--name", "x", "--epochs", 1)
    with pytest.raises(AttributeError, match="nonsense"):
        call(*options, "--plugin", plugin, "--loss", "mine")
    assert RunDir(tmp_path / "runs" / "x").is_unbegun()
    forget()
    plugin.write_text(BROKEN.replace("nonsense", "other"))
    with pytest.raises(AttributeError, match="other"):
        call(*options, "--plugin", plugin, "--loss", "mine", "--learning-rate", 1e-3)
    forget()  # then even the loss in config.json is unknown
    done = call(*options, "--learning-rate", 1e-4)
    assert done.returncode == 0, done
    assert f"{tmp_path / 'runs' / 'x'} has no completed epoch: the run starts afresh" in done.stdout
    manifest = RunDir(tmp_path / "runs" / "x").read_manifest()
    assert "plugins" not in manifest
    assert manifest["earlier"] == []
    assert "different configuration" in call(*options).stderr  # a trained run holds its name


def test_from_python_too_and_nothing_of_the_users_is_deleted(unbegun, small_archives):
    digits = gan_jax.load_dataset(small_archives)
    config = gan_jax.Config(name="few", dataset="archives", epochs=1, seed=5)
    run = gan_jax.train(config, digits, out=unbegun.path.parent, progress=False)
    assert run.read_config() == config
    assert run.read_manifest()["data_sha256"] == digits.sha256()
    assert (run.path / "notes.txt").read_text() == (run.path / "samples" / "mine.png").read_text() == "mine"


def test_another_trainer_and_the_study_may_take_the_name(unbegun):
    """The study of improvements asks this function before it trains anything."""
    require_same_config(unbegun, Config(name="few", seed=9), "torch")
    unbegun.write_rows([{"epoch": 1.0}])
    with pytest.raises(UserError, match="was trained by jax"):
        require_same_config(unbegun, Config(name="few", seed=9), "torch")


def test_another_process_in_its_first_epoch_keeps_the_directory(unbegun, small_archives):
    """It has no epoch yet, but the lock."""
    script = (
        "import sys; from pathlib import Path; from gan_jax.runs.run_dir import RunDir\n"
        "with RunDir(Path(sys.argv[1])).locked(): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-P", "-c", script, str(unbegun.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        before = (unbegun.path / "config.json").read_bytes()
        config = gan_jax.Config(name="few", dataset="archives", epochs=1, seed=5)
        with pytest.raises(UserError, match=f"in use by process {other.pid}"):
            gan_jax.train(config, gan_jax.load_dataset(small_archives), out=unbegun.path.parent, progress=False)
        other.communicate()
    assert (unbegun.path / "config.json").read_bytes() == before


HELD: dict[str, Callable[[RunDir], object]] = {
    "epochs": lambda folder: folder.write_rows([{"epoch": 1.0}]),
    "a table without rows": lambda folder: (folder.path / "metrics.csv").touch(),
    "a checkpoint": lambda folder: checkpointed(folder.path),
    "checkpoints of an earlier version": lambda folder: (folder.checkpoints / "1").mkdir(parents=True),
    "a file in the place of checkpoints": lambda folder: folder.checkpoints.touch(),
    "later samples": lambda folder: (folder.samples / "epoch_050.png").touch(),
    "a finished run": lambda folder: folder.write_manifest({"params_sha256": "0" * 64}),
    "someone's config.json": lambda folder: (folder.path / "config.json").write_text('{"name": "few", "theirs": 1}'),
    "no config.json": lambda folder: (folder.path / "config.json").unlink(),
}


@pytest.mark.parametrize("add", HELD.values(), ids=HELD)
def test_whatever_is_of_worth_holds_the_directory(unbegun, add):
    assert unbegun.is_unbegun()
    add(unbegun)
    assert not unbegun.is_unbegun()


def test_a_run_in_its_second_epoch_is_not_unbegun(tmp_path):
    assert not RunDir(make_run(tmp_path / "part_a")).is_unbegun()


def test_a_sample_of_the_first_epoch_without_its_row_is_drawn_again(unbegun):
    """A kill between the two files of an epoch leaves it."""
    (unbegun.samples / "epoch_001.png").touch()
    assert unbegun.is_unbegun()
