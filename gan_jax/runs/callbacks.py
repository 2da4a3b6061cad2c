"""Callbacks that report a run's progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan_jax.config import Config
from gan_jax.runs.run_dir import MetricsRow
from gan_jax.types import Params


@dataclass(frozen=True)
class Callbacks:
    """Functions that the trainer calls while it trains; none of them changes the run."""

    log: Callable[[str], None]  # a line of text
    on_train_start: Callable[[Config, int, int], None]  # the configuration, the epochs done, the number of devices
    on_epoch_end: Callable[[Sequence[MetricsRow]], None]  # the epoch's row of metrics of each seed trained together
    # After it, for each run: the configuration, a copy of G's parameters, and a copy of the row. An exception in it
    # stops the run, which is saved after this epoch.
    on_generator: Callable[[Config, Params, MetricsRow], None] | None = None
