"""Event files for TensorBoard in a run's directory, written by tensorboardX."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.errors import UserError

BINS = np.linspace(0, 1, 51)  # of the histograms of D's output


def require_writer() -> None:
    """Raise UserError where tensorboardX is missing."""
    try:
        import tensorboardX  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise UserError(
            "--tensorboard needs two more packages: python -m pip install tensorboardX tensorboard"
        ) from error


class EventWriter:
    """Writer of a run's event files: one for each process that trained it; an event's step is its epoch.

    They are written at once rather than by tensorboardX's thread, so that a process that is killed leaves every epoch
    that it has finished.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._writer: Any = None  # tensorboardX's, from `start` to `close`

    def start(self, done: int) -> None:
        """Begin a file after `done` epochs; events of later ones in earlier files no longer count."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue]

        self._folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(self._folder / "events"), f".{done:06d}")
        self._write(done + 1, session_log=SessionLog(status=SessionLog.START))
        self._writer.flush()

    def add_epoch(
        self, epoch: int, row: Mapping[str, float], grid: np.ndarray | None, outputs: Mapping[str, np.ndarray]
    ) -> None:
        """Write an epoch.

        Args:
            epoch: the step.
            row: every metric by name.
            grid: the samples, uint8 (height, width), if they were drawn.
            outputs: D(x), float32 (n,) in [0, 1], by the kind of its images.
        """
        from tensorboardX import summary

        for name, value in row.items():
            group = "digits" if name.startswith("digit_") else "metrics"
            self._write(epoch, summary=summary.scalar(f"{group}/{name}", value))
        if grid is not None:
            self._write(epoch, summary=summary.image("samples", grid, dataformats="HW"))
        for name, values in outputs.items():
            self._write(epoch, summary=summary.histogram(f"discriminator/{name}", values, BINS))
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

        self._writer.write_event(Event(wall_time=time.time(), step=step, **content))
