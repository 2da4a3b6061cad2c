"""Rendezvous of the processes before they start: process 0 waits at its address until all others have connected.

JAX does that too, but if one is missing it aborts the others, without a message that says what to do.
"""

import contextlib
import re
import socket
import time

from gan_jax.errors import UserError, require

RENDEZVOUS_SECONDS = 45  # how long the processes wait for each other


def rendezvous(index: int, count: int, name: str, port: int, seconds: float = RENDEZVOUS_SECONDS) -> None:
    """Wait until all processes have connected.

    Args:
        index: this process's, from 0 to count - 1.
        count: the number of processes.
        name: the name or address of process 0's host.
        port: a free port of that host; it is free again afterwards.
        seconds: how long to wait.

    Raises:
        UserError: on every process that has connected, if one is missing or two have the same index.
    """
    deadline = time.monotonic() + seconds
    try:
        if index == 0:
            _gather(count, port, deadline)
        else:
            _report(index, count, name, port, deadline)
    except OSError as error:
        late = isinstance(error, TimeoutError)
        reason = f"within {seconds:.0f} s: start all of them" if late else f": {error.strerror or error}"
        raise UserError(
            f"process {index} of {count} could not connect to the other processes at {name}:{port}{' ' * late}{reason}"
        ) from error


def _gather(count: int, port: int, deadline: float) -> None:
    """Accept the other processes on process 0, and send them all the outcome: a line, empty for success."""
    dualstack = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dualstack else socket.AF_INET
    with (
        socket.create_server(("", port), family=family, dualstack_ipv6=dualstack) as server,
        contextlib.ExitStack() as connections,
    ):
        known: list[tuple[int, socket.socket]] = []
        problem = ""
        while len(known) < count - 1 and not problem:
            server.settimeout(max(deadline - time.monotonic(), 0.001))
            connection = connections.enter_context(server.accept()[0])
            connection.settimeout(5)
            numbers = _numbers(connection)
            if numbers is None:  # none of our processes
                continue
            index, theirs = numbers
            if theirs != count:
                problem = f"--num-processes is {theirs} on process {index}, {count} on process 0"
            elif index in (0, *(other for other, _ in known)):
                problem = f"--process-id {index} is given twice"
            known.append((index, connection))
        for _, connection in known:
            connection.sendall(f"{problem}\n".encode())
    require(not problem, problem)


def _report(index: int, count: int, name: str, port: int, deadline: float) -> None:
    """Report this process to process 0, and wait for the outcome."""
    with _connect(name, port, deadline) as connection, connection.makefile("r", encoding="utf-8") as answers:
        connection.sendall(f"{index} {count}\n".encode())
        answer = answers.readline()
    require(
        answer.endswith("\n"),
        f"process 0 at {name}:{port} closed the connection early, or another service uses this port",
    )
    require(answer == "\n", answer.strip())


def _connect(name: str, port: int, deadline: float) -> socket.socket:
    """Connect to process 0, which may not have started yet."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            connection = socket.create_connection((name, port), timeout=left)
        except socket.gaierror:
            raise
        except OSError:
            time.sleep(0.1)
            continue
        connection.settimeout(max(left, 0.001))
        if connection.getsockname() != connection.getpeername():
            return connection
        connection.close()  # a port of this host that nobody listens at may be connected to itself
    raise TimeoutError


def _numbers(connection: socket.socket) -> tuple[int, int] | None:
    """Read another process's report: its index and its count of processes; None if it is something else."""
    try:
        with connection.makefile("r", encoding="ascii") as lines:
            match = re.fullmatch(r"([0-9]{1,4}) ([0-9]{1,4})\n", lines.readline(100))
    except (OSError, UnicodeDecodeError):
        return None
    return (int(match[1]), int(match[2])) if match else None
