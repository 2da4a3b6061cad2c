"""Telling how a run goes: a progress bar on a terminal, a plain line an epoch elsewhere."""

import os
import shutil
import sys
import time
from collections.abc import Sequence

import jax
from tqdm import tqdm

from experiments.bench.flops import flops
from gan_jax.config import Config
from gan_jax.keeping import Listener
from gan_jax.run_folder import Row
from gan_jax.text import printable


def say(text: str) -> None:
    """Lines on standard output, above the progress bar if there is one."""
    tqdm.write(printable(text), file=sys.stdout)
    sys.stdout.flush()


def terminal() -> Listener:
    """A bar with epoch, both losses, rate and time left."""
    bar: tqdm = tqdm(disable=True)

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal bar
        say(_opening(config, done, devices))
        bar = tqdm(
            total=config.epochs, initial=done, unit="epoch", desc=config.name, file=sys.stdout, dynamic_ncols=True
        )

    def epoch(rows: Sequence[Row]) -> None:
        bar.set_postfix_str(_losses(_mean(rows)), refresh=False)
        bar.update()
        if bar.n == bar.total:
            bar.close()

    return Listener(say, start, epoch)


def plain() -> Listener:
    """A line an epoch with what the bar shows, and D's verdicts."""
    begun, first, warm, work = time.perf_counter(), 0, False, [0]

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal begun, first, warm, work
        begun, first, warm, work = time.perf_counter(), done, False, _work(config)
        say(_opening(config, done, devices))

    def epoch(rows: Sequence[Row]) -> None:
        nonlocal begun, first, warm
        row, now = _mean(rows), time.perf_counter()
        done, total = int(row["epoch"]), len(work)
        left = (now - begun) / sum(work[first:done]) * sum(work[done:])
        if not warm:  # the first epoch also compiles: it says nothing of the others
            begun, first, warm = now, done, True
        verdicts = f"D(x) {_short(row['real_probability'])}  D(G(z)) {_short(row['fake_probability'])}"
        timing = f"{row['seconds']:.1f} s, {_duration(left)} left"
        say(f"epoch {done:3d}/{total}  loss {_losses(row)}  {verdicts}  {timing}")

    return Listener(say, start, epoch)


def listener() -> Listener:
    """What suits standard output."""
    # A terminal that tells no size, or no capabilities, cannot show a bar.
    columns, lines = shutil.get_terminal_size((0, 0))
    capable = columns > 0 and lines > 1 and os.environ.get("TERM", "dumb") != "dumb"
    return terminal() if sys.stdout.isatty() and capable else plain()


def _opening(config: Config, done: int, devices: int) -> str:
    device = jax.devices()[0]
    kind = "CPU" if device.platform == "cpu" else device.device_kind
    where = f"the {kind}" if devices == 1 else f"{devices} devices of the {kind}"
    return f"{config.name}: epochs {min(done + 1, config.epochs)} to {config.epochs} on {where}"


def _work(config: Config) -> list[int]:
    """The operations of each epoch's iterations, which tell how its time is to the others'."""
    of_steps = flops(config.setting.batch_size, config.setting.width).iteration
    return [of_steps(config.discriminator_steps.steps(epoch)) for epoch in range(1, config.epochs + 1)]


def _mean(rows: Sequence[Row]) -> Row:
    """Of the seeds that are trained together, but for the time, which is shared out among them: its sum."""
    means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return means | {"seconds": sum(row["seconds"] for row in rows)}


def _losses(row: Row) -> str:
    return f"D {_short(row['discriminator_loss'])}  G {_short(row['generator_loss'])}"


def _short(value: float) -> str:
    """Three decimals, or where they would all be zeros the order of magnitude."""
    return f"{value:.1e}" if 0 < abs(value) < 5e-4 else f"{value:.3f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
