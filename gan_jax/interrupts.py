"""Stopping at a good moment: SIGTERM and Ctrl-C end a run after the epoch in hand, with a checkpoint."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


NOTICE = b"\nrun.sh: stopping after this epoch with a checkpoint; once more to stop at once\n"


class StoppedError(Exception):
    """A run stopped because a signal asked it to, and can be gone on with."""

    def __init__(self, number: int, message: str):
        super().__init__(message)
        self.exit_code = 128 + number  # as a shell reports a process that a signal has ended


class Request:
    """Whether a signal has asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextlib.contextmanager
def deferred() -> Iterator[Request]:
    """Within the block a first signal is noted and told, and a second one acts as it would without the block.

    In a thread other than the main one, which receives no signals, nothing is changed.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, _: FrameType | None) -> None:
        request.signal = number
        restore()
        # Past the buffers of Python's streams: the signal may have come in the middle of a write to one, which raises.
        with contextlib.suppress(OSError):
            os.write(2, NOTICE)

    before = {number: signal.signal(number, note) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield request
    finally:
        restore()
