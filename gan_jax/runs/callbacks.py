"""Callbacks that a run tells how it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan_jax.config import Config
from gan_jax.runs.run_dir import MetricsRow


@dataclass(frozen=True)
class Callbacks:
    """Functions that a run calls while it goes."""

    log: Callable[[str], None]  # a line of text
    on_train_start: Callable[[Config, int, int], None]  # with the epochs behind it, and the number of devices
    on_epoch_end: Callable[[Sequence[MetricsRow]], None]  # with its row of metrics, of each seed trained together
