"""Telling how a run goes: a progress bar on a terminal, a plain line an epoch elsewhere."""

import sys
import time

from tqdm import tqdm

from gan_jax.config import Config
from gan_jax.run_folder import Row
from gan_jax.runs import Listener


def say(text: str) -> None:
    """A line on standard output, above the progress bar if there is one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


def terminal() -> Listener:
    """A bar with epoch, both losses, rate and time left."""
    bar: tqdm = tqdm(disable=True)

    def start(config: Config, done: int) -> None:
        nonlocal bar
        bar = tqdm(
            total=config.epochs, initial=done, unit="epoch", desc=config.name, file=sys.stdout, dynamic_ncols=True
        )

    def epoch(row: Row) -> None:
        bar.set_postfix_str(_losses(row), refresh=False)
        bar.update()
        if bar.n == bar.total:
            bar.close()

    return Listener(say, start, epoch)


def plain() -> Listener:
    """A line an epoch with what the bar shows, and D's verdicts."""
    started, first, total = time.perf_counter(), 0, 0

    def start(config: Config, done: int) -> None:
        nonlocal started, first, total
        started, first, total = time.perf_counter(), done, config.epochs

    def epoch(row: Row) -> None:
        done = int(row["epoch"])
        left = (time.perf_counter() - started) / (done - first) * (total - done)
        verdicts = f"D(x) {row['real_probability']:.3f}  D(G(z)) {row['fake_probability']:.2g}"
        timing = f"{row['seconds']:.1f} s, {_duration(left)} left"
        say(f"epoch {done:3d}/{total}  loss {_losses(row)}  {verdicts}  {timing}")

    return Listener(say, start, epoch)


def listener() -> Listener:
    """What suits standard output."""
    return terminal() if sys.stdout.isatty() else plain()


def _losses(row: Row) -> str:
    return f"D {row['discriminator_loss']:.3f}  G {row['generator_loss']:.3f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
