"""Many hosts, one program: how they meet, and how they end together.

What they do together is in `gan_jax.runs.trainer`.
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
from gan_jax.errors import UserError
from gan_jax.utils.signals import ImmediateStopError, StoppedError

SILENT_SECONDS = 30  # a host that is not heard of for so long is taken for dead: it may be one that is overloaded
_GO_ON = "The same command on every host goes on from the last checkpoint"
# What XLA's exchanges say when the other side is gone.
_LOST = re.compile("gloo|nccl|coordination service|connection (reset|closed)", re.IGNORECASE)
# XLA ends a process whose coordinator or peer is gone from within, past Python: the last word is another process's,
# which reads a pipe that ends with ours.
_LAST_WORD = "import sys; sys.stdin.buffer.read() or print(sys.argv[1], file=sys.stderr)"


@contextlib.contextmanager
def distributed_session(host: ProcessSpec) -> Iterator[None]:
    """Within the block JAX's devices are those of all hosts; they leave it together, and with an error if one has one.

    It has to begin before JAX starts its backends. Where another host is lost, or something fails that the others
    cannot be told of, the process ends in it.

    Raises:
        UserError: if the hosts do not meet, or one of them has raised it.
    """
    if host.coordinator is not None:
        rendezvous(host.index, host.count, *host.coordinator)
    watcher = _watcher(host)
    try:
        _start(host)
        with propagate_errors():
            yield
    except BaseException as error:
        agreed = isinstance(error, (PropagatedError, StoppedError)) and not isinstance(error, ImmediateStopError)
        if not agreed:  # not through the interpreter's end, which would wait for the others, as they wait for this one
            _end(watcher, host, error)
        _leave(watcher)
        raise
    _leave(watcher)


def _start(host: ProcessSpec) -> None:
    """Start JAX's backends with the devices of all hosts."""
    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM away from `interrupts`
    initialize = partial(
        jax.distributed.initialize,
        initialization_timeout=RENDEZVOUS_SECONDS,
        heartbeat_timeout_seconds=SILENT_SECONDS,
    )
    try:
        if host.coordinator is None:
            initialize()
        else:
            name, port = host.coordinator
            address = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
            initialize(address, host.count, host.index)
        there = [device.process_index for device in jax.devices()]
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split()) or "JAX has no such platform"
        raise UserError(f"host {host.index} of {host.count} cannot start: {reason}") from error
    if len({there.count(index) for index in range(host.count)}) > 1:
        raise UserError(f"hosts with different numbers of devices: {[there.count(i) for i in range(host.count)]}")
    with _quiet():  # gloo prints that it is connected
        assert_same_on_all(jax=version("jax"), jaxlib=version("jaxlib"), program=_program())


def _program() -> str:
    """A digest of the package's own source."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Within the block what libraries in C print on standard output is dropped."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def _watcher(host: ProcessSpec) -> subprocess.Popen:
    """A process that speaks if this one ends without a word of its own."""
    what = f"host {host.index} of {host.count} was ended: another host is gone, or it was killed"
    command = [sys.executable, "-I", "-S", "-c", _LAST_WORD, f"run.sh: error: {what}. {_GO_ON}"]
    # A session of its own: what a terminal tells this process must not end that one first.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def _dismiss(watcher: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        watcher.communicate(b".")


def _leave(watcher: subprocess.Popen) -> None:
    """Wait for all hosts to come to their end."""
    jax.distributed.shutdown()
    _dismiss(watcher)


def _end(watcher: subprocess.Popen, host: ProcessSpec, error: BaseException) -> None:
    """End this process at once, with a line of what was the matter."""
    lost = isinstance(error, (RuntimeError, ValueError)) and _LOST.search(str(error)) is not None
    if isinstance(error, UserError):
        line, status = str(error), 2
    elif isinstance(error, StoppedError):
        line, status = f"interrupted. {_GO_ON}", error.exit_code
    else:
        reason = "another host is gone" if lost else f"{type(error).__name__}, above"
        line, status = f"host {host.index} of {host.count} stopped: {reason}. {_GO_ON}", 1
        if not lost:
            traceback.print_exception(error)
    print(f"run.sh: error: {line}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    _dismiss(watcher)
    os._exit(status)
