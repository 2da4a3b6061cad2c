"""./run.sh homework: everything in one command, which goes on where it was, and its forecast."""

import json
import re
import time

import pytest

from experiments.homework import forecast
from experiments.homework.parts import PARTS
from gan_jax.api import SILENT
from gan_jax.config import Config
from gan_jax.runs.run_dir import RunDir


@pytest.fixture
def watched(monkeypatch):
    """A forecast of two runs and an experiment on a fake clock, what it says, and a function that ends an epoch."""
    clock, said = [0.0], []
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(forecast, "epochs_work", lambda config: [10] * config.epochs)
    made = forecast.Forecast({"a": 100, "b": 200}, {"a": 10, "saturation": 400}, said.append)
    callbacks = made.watch(SILENT)

    def end(epoch: int, seconds: float) -> None:
        clock[0] += seconds
        callbacks.on_epoch_end([{"epoch": float(epoch)}])

    return made, callbacks, said, end


def test_all_that_is_left_is_forecast_from_the_second_epoch(watched):
    made, callbacks, said, end = watched
    callbacks.on_train_start(Config(name="a", epochs=10), 0, 1)
    end(1, 1000)  # with compilation
    assert said == []
    end(2, 60)  # a minute for 10 of the work, of which 80, 200, 10 and 400 are left
    assert re.match(r"all of it: about 69 min left, until \d\d:\d\d", said[0])
    end(3, 60)
    assert len(said) == 1
    made.finish("saturation")
    made.finish("a")
    callbacks.on_train_start(Config(name="b", epochs=20), 10, 1)  # resumed
    end(11, 1000)
    end(12, 6)  # of which 80 are left
    assert re.match(r"all of it: about 48 s left", said[1])


@pytest.mark.slow
def test_the_quick_homework_is_whole_and_goes_on(call, small_archives, tmp_path):
    """All of it on few images, minutes; a second time nothing is trained, and the student's words are in it."""
    command = ("homework", "--quick", "--archives", small_archives, "--out", tmp_path, "--batch-size", 256)
    done = call(*command)
    assert done.returncode == 0, done
    for name in PARTS:
        assert RunDir(tmp_path / f"{name}-archives").read_manifest()["epochs"] == 5
    for name in ("report.html", "homework.pdf", "homework.zip", "own_words.md", "ridge/checks.json"):
        assert (tmp_path / name).stat().st_size > 500
    curves = json.loads((tmp_path / "saturation" / "saturation.json").read_text())["curves"]
    assert [curve["generator_epochs"] for curve in curves] == [1, 3]
    assert "too early to tell" in (tmp_path / "report.html").read_text()
    begun = time.time()
    again = call(*command)
    assert again.returncode == 0, again
    assert "saturation.json is there already" in again.stdout
    assert not re.search(r"^epoch +\d", again.stdout, re.MULTILINE)
    assert (tmp_path / "part_a-archives" / "metrics.csv").stat().st_mtime < begun
