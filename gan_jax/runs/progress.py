"""Progress bar of a run, with epoch, both losses, rate and time left."""

import sys
import time
from collections.abc import Sequence

import jax
from tqdm import tqdm

from gan_jax.config import Config
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
