"""Session of a distributed run: the processes start JAX together, and end together.

`gan_jax.runs.trainer` has what they do in between.
"""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import jax

from gan_jax.distributed.collectives import PropagatedError, assert_same_on_all, propagate_errors
from gan_jax.distributed.process_spec import ProcessSpec
from gan_jax.distributed.rendezvous import RENDEZVOUS_SECONDS, rendezvous
from gan_jax.errors import UserError, require
from gan_jax.utils.signals import ImmediateStopError, StoppedError

HEARTBEAT_SECONDS = 30  # a process that is silent for so long is taken for dead; an overloaded one may be silent, too
_RESUME = "The same commands resume from the last checkpoint"
# Messages with which XLA's collectives report that the other side is gone.
_LOST = re.compile("gloo|nccl|coordination service|connection (reset|closed)", re.IGNORECASE)
# XLA aborts a process whose coordinator or peer is gone, without returning to Python: the error message then comes
# from a watcher process, which reads a pipe that closes with ours.
_WATCHER = "import sys; sys.stdin.buffer.read() or print(sys.argv[1], file=sys.stderr)"


@contextlib.contextmanager
def distributed_session(spec: ProcessSpec) -> Iterator[None]:
    """Make JAX's devices those of all processes in the block, which they leave together, all with an error if one has.

    The block must begin before JAX starts its backends. If another process is lost, or an error cannot be propagated to
    the others, this process exits in it.

    Raises:
        UserError: if the rendezvous fails, or one of the processes has raised it.
    """
    if spec.coordinator is not None:
        rendezvous(spec.index, spec.count, *spec.coordinator)
    watcher = _start_watcher(spec)
    try:
        _start_backends(spec)
        with propagate_errors():
            yield
    except BaseException as error:
        shared = isinstance(error, (PropagatedError, StoppedError)) and not isinstance(error, ImmediateStopError)
        if not shared:  # a normal exit would wait for the others, which wait for this one
            _exit(watcher, spec, error)
        _leave(watcher)
        raise
    _leave(watcher)


def _start_backends(spec: ProcessSpec) -> None:
    """Start JAX's backends with the devices of all processes."""
    jax.config.update("jax_enable_preemption_service", False)  # it would handle SIGTERM instead of us
    initialize = partial(
        jax.distributed.initialize,
        initialization_timeout=RENDEZVOUS_SECONDS,
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
    )
    try:
        if spec.coordinator is None:
            initialize()
        else:
            name, port = spec.coordinator
            address = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
            initialize(address, spec.count, spec.index)
        owners = [device.process_index for device in jax.devices()]
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split()) or "JAX has no such platform"
        raise UserError(f"process {spec.index} of {spec.count} cannot start: {reason}") from error
    counts = [owners.count(index) for index in range(spec.count)]
    require(len(set(counts)) == 1, f"the processes have different numbers of devices: {counts}")
    with _stdout_discarded():  # gloo prints that it is connected
        assert_same_on_all(jax=version("jax"), jaxlib=version("jaxlib"), program=_program_sha256())


def _program_sha256() -> str:
    """Digest the package's own source."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _stdout_discarded() -> Iterator[None]:
    """Discard standard output in the block, also that of libraries in C."""
    sys.stdout.flush()
    stdout, devnull = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(devnull)


def _start_watcher(spec: ProcessSpec) -> subprocess.Popen:
    """Start a process that prints an error if this one ends without a message."""
    reason = f"process {spec.index} of {spec.count} was ended: another process is gone, or it was killed"
    command = [sys.executable, "-I", "-S", "-c", _WATCHER, f"run.sh: error: {reason}. {_RESUME}"]
    # In its own session, so that a terminal's signals to this process do not end the watcher first.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def _dismiss(watcher: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        watcher.communicate(b".")


def _leave(watcher: subprocess.Popen) -> None:
    """Wait until all processes have finished."""
    jax.distributed.shutdown()
    _dismiss(watcher)


def _exit(watcher: subprocess.Popen, spec: ProcessSpec, error: BaseException) -> None:
    """Exit this process at once, with one line that says why."""
    lost = isinstance(error, (RuntimeError, ValueError)) and _LOST.search(str(error)) is not None
    if isinstance(error, UserError):
        line, status = str(error), 2
    elif isinstance(error, StoppedError):
        line, status = f"interrupted. {_RESUME}", error.exit_code
    else:
        reason = "another process is gone" if lost else f"{type(error).__name__}, above"
        line, status = f"process {spec.index} of {spec.count} stopped: {reason}. {_RESUME}", 1
        if not lost:
            traceback.print_exception(error)
    print(f"run.sh: error: {line}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    _dismiss(watcher)
    os._exit(status)
