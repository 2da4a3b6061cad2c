"""Stopping at a good moment: SIGTERM and Ctrl-C end a run after the epoch in hand, with a checkpoint.

Python calls a signal's handler between two of its own instructions, which within a compiled epoch, or while XLA
compiles, are minutes apart. What a user is told at once, and the second signal that stops at once, are therefore a
thread's, to which the interpreter hands each signal's number as it comes.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = b"\nrun.sh: stopping after this epoch with a checkpoint; once more to stop at once\n"


class StoppedError(KeyboardInterrupt):
    """A command stopped because a signal asked it to; a run can be gone on with.

    No `Exception`, since a library that passes those over would pass over this one, too.
    """

    def __init__(self, number: int, message: str):
        super().__init__(message)
        self.exit_code = 128 + number  # as a shell reports a process that a signal has ended


class ImmediateStopError(StoppedError):
    """A command stopped where it stood, rather than where it had saved what it had."""


class StopRequest:
    """Signal that has asked to stop, if one has."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextlib.contextmanager
def defer_signals() -> Iterator[StopRequest]:
    """Within the block a first signal is noted and told, and a second one ends the process at once."""
    request = StopRequest()

    def note(number: int, _: FrameType | None) -> None:
        request.signal = number

    with _first(note, NOTICE):
        yield request


@contextlib.contextmanager
def raise_on_signal() -> Iterator[None]:
    """Within the block a first signal raises ImmediateStopError, and a second one ends the process at once.

    So does the first while a module is imported: libraries in C pass over what is raised there, and nothing is to be
    saved yet.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if _imports(frame):
            exit_at_once(number, frame)
        raise ImmediateStopError(number, "stopped; where there are checkpoints, the same command goes on")

    with _first(stop, b""):
        yield


def exit_at_once(number: int, _: FrameType | None) -> NoReturn:
    """A signal's handler where nothing is to be saved or cleared away."""
    os._exit(128 + number)


@contextlib.contextmanager
def _first(act: Callable[[int, FrameType | None], None], notice: bytes) -> Iterator[None]:
    """Within the block the first signal is told and acted on; the second ends the process, whatever it computes.

    In a thread other than the main one, which receives no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    acted = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal acted
        if not acted:
            acted = True
            act(number, frame)

    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # as the interpreter asks for
    watch = threading.Thread(target=_watch, args=(reader, notice), daemon=True)
    watch.start()
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(writer)
        watch.join()
        os.close(reader)


def _imports(frame: FrameType | None) -> bool:
    """Return True if a frame, or one that called it, is of an import."""
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _watch(reader: int, notice: bytes) -> None:
    """Tell the first signal whose number comes through the pipe, exit at the second, and end with the pipe."""
    told = False
    while number := os.read(reader, 1):
        if number[0] not in SIGNALS:
            continue
        if told:
            exit_at_once(number[0], None)
        told = True
        # Past the buffers of Python's streams: the signal may have come in the middle of a write to one.
        with contextlib.suppress(OSError):
            os.write(2, notice)
