"""Callbacks that a run tells how it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan_jax.config import Config
from gan_jax.run_folder import Row


@dataclass(frozen=True)
class Listener:
    """Functions that a run calls while it goes."""

    say: Callable[[str], None]  # a line of text
    start: Callable[[Config, int, int], None]  # training begins, with so many epochs behind it, on so many devices
    epoch: Callable[[Sequence[Row]], None]  # an epoch is finished: its row of metrics of each seed trained together
