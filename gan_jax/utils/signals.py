"""Graceful stopping: SIGTERM and Ctrl-C end a run after the current epoch, with a checkpoint.

Python calls signal handlers between two of its instructions, which are minutes apart during a compiled epoch or while
XLA compiles. Therefore a thread prints the notice, and exits at the second signal. It reads a pipe to which the
interpreter writes each signal's number as soon as it arrives.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from gan_jax.utils.interface import again, speaker

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(KeyboardInterrupt):
    """Stop of the command by a signal, at a point from which a run can be resumed.

    It is no `Exception`, which libraries might suppress.
    """

    def __init__(self, number: int, message: str):
        super().__init__(message)
        self.exit_code = 128 + number  # as shells report a process ended by a signal


class ImmediateStopError(StoppedError):
    """Immediate stop of the command by a signal, without saving its progress."""


def notice() -> bytes:
    """Return the lines that are printed at the first signal."""
    return f"\n{speaker()}: stopping after this epoch with a checkpoint; interrupt again to stop at once\n".encode()


class StopRequest:
    """Request to stop: the number of the first signal received, if any."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextlib.contextmanager
def defer_signals() -> Iterator[StopRequest]:
    """Record the first signal in the block and print a notice; a second one ends the process at once."""
    request = StopRequest()

    def note(number: int, _: FrameType | None) -> None:
        request.signal = number

    with _on_first_signal(note, notice()):
        yield request


@contextlib.contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise ImmediateStopError at the first signal in the block; a second one ends the process at once.

    During an import the first one does, too: C libraries suppress exceptions there, and there is nothing to save yet.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if _is_importing(frame):
            exit_at_once(number, frame)
        raise ImmediateStopError(number, f"stopped; where there are checkpoints, {again()} resumes")

    with _on_first_signal(stop, b""):
        yield


def exit_at_once(number: int, _: FrameType | None) -> NoReturn:
    """Handle a signal where there is nothing to save or clean up."""
    os._exit(128 + number)


@contextlib.contextmanager
def _on_first_signal(act: Callable[[int, FrameType | None], None], notice: bytes) -> Iterator[None]:
    """Print a notice and act at the first signal in the block; end the process at the second, whatever it computes.

    Only the main thread receives signals: in other threads the block runs without handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal received
        if not received:
            received = True
            act(number, frame)

    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # the interpreter requires it
    watcher = threading.Thread(target=_watch, args=(reader, notice), daemon=True)
    watcher.start()
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _is_importing(frame: FrameType | None) -> bool:
    """Return True if a frame, or one of its callers, is executing an import."""
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _watch(reader: int, notice: bytes) -> None:
    """Print the notice at the first signal from the pipe, exit at the second, and return when the pipe is closed."""
    notified = False
    while number := os.read(reader, 1):
        if number[0] not in SIGNALS:
            continue
        if notified:
            exit_at_once(number[0], None)
        notified = True
        # Python's streams are avoided, since the signal may have interrupted a write to one.
        with contextlib.suppress(OSError):
            os.write(2, notice)
