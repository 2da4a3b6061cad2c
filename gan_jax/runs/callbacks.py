"""Callbacks that report a run's progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan_jax.config import Config
from gan_jax.runs.run_dir import MetricsRow


@dataclass(frozen=True)
class Callbacks:
    """Functions that the trainer calls while it trains; none of them changes the run."""

    log: Callable[[str], None]  # a line of text
    on_train_start: Callable[[Config, int, int], None]  # the configuration, the epochs done, the number of devices
    on_epoch_end: Callable[[Sequence[MetricsRow]], None]  # the epoch's row of metrics of each seed trained together
