"""Forecast of the time that several runs and experiments still take, from the first epochs of each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from gan_jax.config import Config
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.progress import duration, epochs_work
from gan_jax.runs.run_dir import MetricsRow


class Forecast:
    """Time left of a plan, whose pieces take time in proportion to their work."""

    def __init__(self, training: dict[str, int], other: dict[str, int], say: Callable[[str], None]):
        """Begin with the work of each piece by its name, such as floating-point operations.

        Args:
            training: the work of each run's epochs.
            other: the work of each run beside its epochs, and of pieces that are no runs.
            say: the function that prints a line.
        """
        self._training, self._other, self._say = dict(training), dict(other), say

    def finish(self, name: str) -> None:
        """Note that a piece is done."""
        self._training.pop(name, None)
        self._other.pop(name, None)

    def _left(self) -> int:
        return sum(self._training.values()) + sum(self._other.values())

    def watch(self, callbacks: Callbacks) -> Callbacks:
        """Return callbacks that also tell, after a run's second epoch here, how long all that is left will take."""
        running: Config | None = None
        work: Sequence[int] = []
        begun, first = 0.0, 0

        def start(config: Config, done: int, devices: int) -> None:
            nonlocal running, work, begun, first
            running, work, first = config, epochs_work(config), done
            self._training[config.name] = sum(work[done:])
            callbacks.on_train_start(config, done, devices)

        def epoch(rows: Sequence[MetricsRow]) -> None:
            nonlocal begun
            callbacks.on_epoch_end(rows)
            assert running is not None
            done = int(rows[0]["epoch"])
            self._training[running.name] = sum(work[done:])
            if done == first + 1:  # which includes compilation
                begun = time.perf_counter()
            elif done == first + 2:
                seconds = (time.perf_counter() - begun) / work[done - 1] * self._left()
                end = time.strftime("%H:%M", time.localtime(time.time() + seconds))
                self._say(
                    f"all of it: about {duration(seconds)} left, until {end}, if this machine stays as fast. Ctrl-C "
                    "stops after the epoch, and the same command goes on there"
                )

        return replace(callbacks, on_train_start=start, on_epoch_end=epoch)
