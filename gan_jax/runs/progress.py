"""Progress of a run: a bar on a terminal and in a notebook, a line for each epoch elsewhere."""

import os
import shutil
import sys
import time
from collections.abc import Sequence

import jax
from tqdm import tqdm

from gan_jax.config import Config
from gan_jax.losses.adversarial import LOSSES
from gan_jax.models.flops import flops
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.run_dir import MetricsRow
from gan_jax.utils.text import printable


def say(text: str) -> None:
    """Print lines on standard output, above the progress bar if there is one."""
    tqdm.write(printable(text), file=sys.stdout)
    sys.stdout.flush()


def bar() -> Callbacks:
    """Make callbacks that show a progress bar over the epochs."""
    progress_bar: tqdm = tqdm(disable=True)
    warm = False

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal progress_bar, warm
        warm = False
        say(opening(config, done, devices))
        progress_bar = tqdm(
            total=config.epochs, initial=done, unit="epoch", desc=config.name, file=sys.stdout, dynamic_ncols=True
        )
        progress_bar.set_postfix_str("compiling")

    def epoch(rows: Sequence[MetricsRow]) -> None:
        nonlocal warm
        progress_bar.set_postfix_str(losses(mean(rows)), refresh=False)
        progress_bar.update()
        if not warm:  # the first epoch includes compilation, so that it predicts nothing
            warm = True
            progress_bar.initial = progress_bar.n
            progress_bar.start_t = progress_bar.last_print_t = time.time()  # or close() takes it for never shown
        if progress_bar.n == progress_bar.total:
            progress_bar.close()

    return Callbacks(say, start, epoch)


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
    if type(sys.stdout).__module__.startswith("ipykernel"):  # a notebook, which shows a bar although it is no terminal
        return bar()
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


def opening(config: Config, done: int, devices: int) -> str:
    """Describe what is trained, and on which device."""
    device = jax.devices()[0]
    kind = "CPU" if device.platform == "cpu" else device.device_kind
    where = f"the {kind}" if devices == 1 else f"{devices} devices of the {kind}"
    return f"{config.name}: epochs {min(done + 1, config.epochs)} to {config.epochs} on {where}; compiling first"


def mean(rows: Sequence[MetricsRow]) -> MetricsRow:
    """Average the metrics of seeds that are trained together, and add up their shares of the time."""
    means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return means | {"seconds": sum(row["seconds"] for row in rows)}


def losses(row: MetricsRow) -> str:
    """Format both losses of an epoch."""
    return f"D {short(row['discriminator_loss'])}  G {short(row['generator_loss'])}"


def short(value: float) -> str:
    """Format a value with three decimals, or where they would all be zeros with its order of magnitude."""
    return f"{value:.1e}" if 0 < abs(value) < 5e-4 else f"{value:.3f}"
