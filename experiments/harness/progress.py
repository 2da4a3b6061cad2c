"""Progress of a run: a bar on a terminal, a line for each epoch elsewhere."""

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
    """Print a line per epoch: what the bar shows, and D's mean outputs, unless the loss is shift-invariant."""
    begun, first, warm, work, shows_d = time.perf_counter(), 0, False, [0], True

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal begun, first, warm, work, shows_d
        begun, first, warm, work = time.perf_counter(), done, False, epochs_work(config)
        shows_d = not LOSSES[config.hparams.loss].shift_invariant
        say(opening(config, done, devices))

    def epoch(rows: Sequence[MetricsRow]) -> None:
        nonlocal begun, first, warm
        row, now = mean(rows), time.perf_counter()
        done, total = int(row["epoch"]), len(work)
        left = (now - begun) / sum(work[first:done]) * sum(work[done:])
        timing = f"{row['seconds']:.1f} s, {duration(left)} left"
        if not warm:  # the first epoch includes compilation, so that it predicts nothing
            begun, first, warm = now, done, True
            timing = f"{row['seconds']:.1f} s, compilation included"
        outputs = f"D(x) {short(row['real_probability'])}  D(G(z)) {short(row['fake_probability'])}  " * shows_d
        say(f"epoch {done:3d}/{total}  loss {losses(row)}  {outputs}{timing}")

    return Callbacks(say, start, epoch)


def progress_callbacks() -> Callbacks:
    """Choose the progress display that suits standard output."""
    # A terminal of unknown size or capabilities cannot show a bar.
    columns, lines = shutil.get_terminal_size((0, 0))
    capable = columns > 0 and lines > 1 and os.environ.get("TERM", "dumb") != "dumb"
    return bar() if sys.stdout.isatty() and capable else plain()


def epochs_work(config: Config) -> list[int]:
    """Count the operations of an iteration in each epoch: the epochs' times are in this proportion."""
    of_steps = flops(config.hparams.batch_size, config.hparams.width_multiplier).iteration
    return [of_steps(config.discriminator_steps.steps(epoch)) for epoch in range(1, config.epochs + 1)]


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
