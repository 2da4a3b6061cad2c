"""Telling how a run goes: a progress bar on a terminal, a plain line an epoch elsewhere."""

import os
import shutil
import sys
import time
from collections.abc import Sequence

from gan_jax.config import Config
from gan_jax.losses.adversarial import LOSSES
from gan_jax.models.flops import flops
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.progress import bar, losses, mean, opening, say, short
from gan_jax.runs.run_dir import MetricsRow


def plain() -> Callbacks:
    """A line an epoch with what the bar shows, and D's verdicts where they mean something."""
    begun, first, warm, work, shows_d = time.perf_counter(), 0, False, [0], True

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal begun, first, warm, work, shows_d
        begun, first, warm, work = time.perf_counter(), done, False, _work(config)
        shows_d = not LOSSES[config.hparams.loss].shift_invariant
        say(opening(config, done, devices))

    def epoch(rows: Sequence[MetricsRow]) -> None:
        nonlocal begun, first, warm
        row, now = mean(rows), time.perf_counter()
        done, total = int(row["epoch"]), len(work)
        left = (now - begun) / sum(work[first:done]) * sum(work[done:])
        if not warm:  # the first epoch also compiles: it says nothing of the others
            begun, first, warm = now, done, True
        verdicts = f"D(x) {short(row['real_probability'])}  D(G(z)) {short(row['fake_probability'])}  " * shows_d
        timing = f"{row['seconds']:.1f} s, {_duration(left)} left"
        say(f"epoch {done:3d}/{total}  loss {losses(row)}  {verdicts}{timing}")

    return Callbacks(say, start, epoch)


def progress_callbacks() -> Callbacks:
    """Choose the callbacks that suit standard output."""
    # A terminal that tells no size, or no capabilities, cannot show a bar.
    columns, lines = shutil.get_terminal_size((0, 0))
    capable = columns > 0 and lines > 1 and os.environ.get("TERM", "dumb") != "dumb"
    return bar() if sys.stdout.isatty() and capable else plain()


def _work(config: Config) -> list[int]:
    """The operations of each epoch's iterations, which tell how its time is to the others'."""
    of_steps = flops(config.hparams.batch_size, config.hparams.width_multiplier).iteration
    return [of_steps(config.discriminator_steps.steps(epoch)) for epoch in range(1, config.epochs + 1)]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
