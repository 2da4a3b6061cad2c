"""`--tensorboard`: TensorBoard's own reader finds everything once per epoch, and the run is unchanged."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_jax.runs.recorder import HISTOGRAM_IMAGES
from gan_jax.runs.run_dir import RunDir
from gan_jax.runs.tensorboard import EventWriter
from tests.helpers.command import contents

EVERYTHING = {"scalars": 0, "images": 0, "histograms": 0}  # 0: keep all events


def read(folder: RunDir) -> EventAccumulator:
    return EventAccumulator(str(folder.events), size_guidance=EVERYTHING).Reload()


def steps(events: list) -> list[int]:
    return [event.step for event in events]


def test_every_metric_grid_and_histogram_of_a_run_that_was_resumed(call, tmp_path, small_archives):
    options = ("--archives", small_archives, "--out", tmp_path, "--samples-every", 2)
    for name, epochs, flags in (("plain", 3, ()), ("shown", 1, ("--tensorboard",)), ("shown", 3, ("--tensorboard",))):
        done = call("part_a", *options, "--name", name, "--epochs", epochs, *flags)
        assert done.returncode == 0, done.stderr
    plain, shown = RunDir(tmp_path / "plain"), RunDir(tmp_path / "shown")
    assert plain.read_manifest()["params_sha256"] == shown.read_manifest()["params_sha256"]
    assert not plain.events.exists()

    found = read(shown)
    metrics = shown.read_metrics()
    assert set(found.Tags()["scalars"]) == {f"metrics/{name}" for name in metrics}
    for name, column in metrics.items():
        scalars = found.Scalars(f"metrics/{name}")
        measured = np.isfinite(column)
        assert steps(scalars) == metrics["epoch"][measured].tolist()
        np.testing.assert_array_equal([each.value for each in scalars], column[measured].astype(np.float32))
    drawn = found.Images("samples")
    assert steps(drawn) == shown.sampled_epochs() == [1, 2, 3]
    for event in drawn:
        path = tmp_path / "grid.png"
        path.write_bytes(event.encoded_image_string)
        np.testing.assert_array_equal(np.asarray(Image.open(path).convert("L")), shown.read_sample(event.step))
    for kind in ("real", "generated"):
        histograms = found.Histograms(f"discriminator/{kind}")
        assert steps(histograms) == [1, 2, 3]
        assert all(each.histogram_value.num == HISTOGRAM_IMAGES for each in histograms)
    # D without dropout on other images than those of the epoch's means: rough agreement, and real images rank higher.
    real, generated = (found.Histograms(f"discriminator/{kind}")[-1].histogram_value for kind in ("real", "generated"))
    assert 0 <= generated.min <= generated.sum / HISTOGRAM_IMAGES < real.sum / HISTOGRAM_IMAGES <= real.max <= 1


def test_epochs_lost_and_retrained_count_once(tmp_path):
    """Killed after epoch 5 with a checkpoint of epoch 3: epochs 4 and 5 are those of the second process."""
    folder = RunDir(tmp_path)
    for done, last, value in ((0, 5, 0.25), (3, 6, 0.75)):
        events = EventWriter(folder.events)
        events.start(done)
        for epoch in range(done + 1, last + 1):
            events.add_epoch(epoch, {"loss": value}, np.zeros((4, 4), np.uint8), {"real": np.full(3, value)})
        events.close()
    assert len(list(folder.events.iterdir())) == 2
    found = read(folder)
    scalars = found.Scalars("metrics/loss")
    assert [(each.step, each.value) for each in scalars] == [
        (epoch, 0.25 if epoch <= 3 else 0.75) for epoch in range(1, 7)
    ]
    for events in (found.Images("samples"), found.Histograms("discriminator/real")):
        assert steps(events) == [1, 2, 3, 4, 5, 6]


def test_an_epoch_is_written_before_the_next_one(tmp_path):
    """The reader sees an unclosed file, as a killed process leaves it."""
    folder = RunDir(tmp_path)
    events = EventWriter(folder.events)
    events.start(0)
    events.add_epoch(1, {"loss": 1.0}, None, {})
    assert steps(read(folder).Scalars("metrics/loss")) == [1]
    events.close()


def test_overwrite_removes_event_files(call, tmp_path, small_archives):
    options = ("part_a", "--archives", small_archives, "--out", tmp_path, "--name", "a", "--epochs", 1)
    for flags in (("--tensorboard",), ("--overwrite",)):
        assert call(*options, *flags).returncode == 0
    assert not RunDir(tmp_path / "a").events.exists()


@pytest.mark.parametrize("command", [["part_a"], ["train"], ["torch_baseline", "part_a"]])
def test_a_missing_tensorboardx_is_one_line(call, tmp_path: Path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # as if not installed
    done = call(*command, "--tensorboard", "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--tensorboard needs two more packages" in done.stderr
    assert not contents(tmp_path)


@pytest.mark.slow
def test_the_torch_baseline_writes_event_files_too(call, tmp_path, small_archives):
    options = ("--archives", small_archives, "--out", tmp_path, "--name", "t", "--epochs", 1, "--tensorboard")
    done = call("torch_baseline", "part_a", *options)
    assert done.returncode == 0, done.stderr
    found = read(RunDir(tmp_path / "t"))
    assert steps(found.Scalars("metrics/generator_loss")) == [1]
    assert {"discriminator/real", "discriminator/generated"} == set(found.Tags()["histograms"])
