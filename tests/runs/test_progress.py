"""Progress lines: losses, D's outputs, and an estimate of the time left that ignores compilation in the first epoch."""

import functools
import io
import sys

import pytest
from tqdm import tqdm

import gan_jax
from gan_jax.config import Config, Hyperparameters
from gan_jax.models.flops import flops
from gan_jax.runs import progress
from gan_jax.schedules import Schedule

ROW = dict(epoch=1.0, discriminator_loss=1.25, generator_loss=1e-7, real_probability=0.75, fake_probability=0.25)


@pytest.fixture
def clock(monkeypatch):
    """A fake clock: its one entry is the time."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    return clock


@pytest.fixture
def lines(clock, monkeypatch):
    """Plain callbacks on a fake clock, and a function that ends an epoch and returns its line."""
    printed = []
    monkeypatch.setattr(progress, "say", printed.append)
    callbacks = progress.plain()

    def end(epoch: int, seconds: float, seeds: int = 1) -> str:
        clock[0] += seconds
        rows = [ROW | dict(epoch=float(epoch), generator_loss=1e-7 * (1 + seed), seconds=seconds / seeds)
                for seed in range(seeds)]  # fmt: skip
        callbacks.on_epoch_end(rows)
        return printed[-1]

    return callbacks, end


def test_lines_and_time_left(lines):
    callbacks, end = lines
    callbacks.on_train_start(Config(name="x", epochs=10), 2, 1)
    assert end(3, 50).startswith("epoch   3/10  loss D 1.250  G 1.0e-07  D(x) 0.750  D(G(z)) 0.250  50.0 s, ")
    assert end(4, 5).endswith("  5.0 s, 30 s left")  # six epochs of 5 s
    assert end(5, 7).endswith("  7.0 s, 30 s left")  # five of 6 s


def test_d_outputs_of_a_relativistic_loss_are_not_reported(lines):
    callbacks, end = lines
    callbacks.on_train_start(Config(name="x", epochs=10, hparams=Hyperparameters(loss="relativistic")), 0, 1)
    assert end(1, 50).startswith("epoch   1/10  loss D 1.250  G 1.0e-07  50.0 s, ")


def test_time_left_of_a_schedule(lines):
    """A step of D costs 1.17 times one of G: a first epoch of 16 steps says nothing about the rest."""
    callbacks, end = lines
    schedule = Schedule.parse("1-2: 16, 3-: 1")
    callbacks.on_train_start(Config(name="x", epochs=12, discriminator_steps=schedule), 0, 1)
    end(1, 100)
    per_epoch = flops(512).iteration(1) / flops(512).iteration(16)
    assert end(2, 1000).endswith(f", {1000 * per_epoch * 10 / 60:.0f} min left")
    assert 0.10 < per_epoch < 0.12


def test_the_bar_forecasts_by_the_schedule_too(clock, monkeypatch):
    """tqdm's own forecast, by epochs, would be nine times as long here."""
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(progress, "say", lambda text: None)
    monkeypatch.setattr(progress, "tqdm", functools.partial(tqdm, mininterval=0))  # or epochs this fast are not shown
    callbacks = progress.bar()
    callbacks.on_train_start(Config(name="x", epochs=12, discriminator_steps=Schedule.parse("1-2: 16, 3-: 1")), 0, 1)

    def end(epoch: int, seconds: float) -> str:
        clock[0] += seconds
        callbacks.on_epoch_end([ROW | dict(epoch=float(epoch), seconds=seconds)])
        return shown.getvalue().split("\r")[-1]

    first = end(1, 100)
    assert "| 1/12 [" in first
    assert first.endswith(", D 1.250  G 1.0e-07]")  # the first epoch predicts nothing
    per_epoch = flops(512).iteration(1) / flops(512).iteration(16)
    assert end(2, 1000).endswith(f", {1000 * per_epoch * 10 / 60:.0f} min left]")
    for epoch in range(3, 13):
        line = end(epoch, 1000 * per_epoch)
    assert "| 12/12 [" in line
    assert ", 0 s left]" in line
    assert shown.getvalue().endswith("\n")  # closed


def test_seeds_in_one_program_share_a_line_with_mean_metrics_and_total_time(lines):
    callbacks, end = lines
    callbacks.on_train_start(Config(name="x", epochs=2), 0, 1)
    assert "G 2.0e-07" in end(1, 6, seeds=3)
    assert end(2, 6, seeds=3).endswith("  6.0 s, 0 s left")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_in_a_file_is_a_line_an_epoch(tmp_path, small_archives, monkeypatch, terminal, narrow_runs):
    """A terminal and a notebook, which is none, show a bar."""
    digits, config = gan_jax.load_dataset(small_archives), gan_jax.Config(name="few", dataset="archives", epochs=3)
    shown = io.StringIO()
    if terminal:
        shown = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stdout", shown)
    gan_jax.train(config, digits, out=tmp_path)
    text = shown.getvalue()
    assert ("\r" in text) == terminal
    lines = [line for line in text.splitlines() if line.startswith("epoch ")]
    assert [line[:11] for line in lines] == ([] if terminal else ["epoch   1/3", "epoch   2/3", "epoch   3/3"])
    if not terminal:
        assert text.replace("\n", "").isprintable()
        assert len(text.splitlines()) < 3 + 6  # an opening, the epochs, and the metrics
