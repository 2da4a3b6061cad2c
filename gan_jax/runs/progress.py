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


class TimeLeft:
    """Forecast of a run's remaining time, by the work of its epochs: one with more D steps takes longer."""

    def __init__(self, work: Sequence[int]) -> None:
        self.work = work  # of each epoch
        self._begun: tuple[float, int] | None = None  # time and epoch from which on it is measured

    def after(self, done: int) -> str:
        """Return the time that is left now, after so many epochs; nothing where it is unknown.

        The first epoch includes compilation, so that it predicts nothing.
        """
        now = time.perf_counter()
        if self._begun is None:
            self._begun = now, done
            return ""
        begun, first = self._begun
        return f"{duration((now - begun) / sum(self.work[first:done]) * sum(self.work[done:]))} left"


def bar() -> Callbacks:
    """Make callbacks that show a progress bar over the epochs."""
    progress_bar: tqdm = tqdm(disable=True)
    time_left = TimeLeft([])

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal progress_bar, time_left
        time_left = TimeLeft(epochs_work(config))
        say(opening(config, done, devices))
        progress_bar = tqdm(
            total=config.epochs,
            initial=done,
            desc=config.name,
            file=sys.stdout,
            dynamic_ncols=True,
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]",  # tqdm's forecast knows no schedule
        )
        progress_bar.set_postfix_str("compiling")

    def epoch(rows: Sequence[MetricsRow]) -> None:
        row = mean(rows)
        shown = losses(row), time_left.after(int(row["epoch"]))
        progress_bar.set_postfix_str(", ".join(filter(None, shown)), refresh=False)
        progress_bar.update()
        if progress_bar.n == progress_bar.total:
            progress_bar.close()

    return Callbacks(say, start, epoch)


def plain() -> Callbacks:
    """Make callbacks that print a line per epoch: what the bar shows, and D's mean outputs if the loss gives any."""
    time_left, shows_d = TimeLeft([]), True

    def start(config: Config, done: int, devices: int) -> None:
        nonlocal time_left, shows_d
        time_left, shows_d = TimeLeft(epochs_work(config)), not LOSSES[config.hparams.loss].shift_invariant
        say(opening(config, done, devices))

    def epoch(rows: Sequence[MetricsRow]) -> None:
        row = mean(rows)
        done = int(row["epoch"])
        timing = f"{row['seconds']:.1f} s, {time_left.after(done) or 'compilation included'}"
        outputs = f"D(x) {short(row['real_probability'])}  D(G(z)) {short(row['fake_probability'])}  " * shows_d
        say(f"epoch {done:3d}/{len(time_left.work)}  loss {losses(row)}  {outputs}{timing}")

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
