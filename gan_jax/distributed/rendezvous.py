"""Rendezvous of the processes before they start: process 0 waits at its address until all others have reported there.

JAX does that too, but ends a process whose others do not come from within, without a line that says what to do.
"""

import contextlib
import re
import socket
import time

from gan_jax.errors import UserError, require

RENDEZVOUS_SECONDS = 45  # how long hosts wait for each other


def rendezvous(index: int, count: int, name: str, port: int, seconds: float = RENDEZVOUS_SECONDS) -> None:
    """Wait until all hosts are there.

    Args:
        index: this host's, from 0 to count - 1.
        count: how many hosts there are.
        name: host 0's name or address.
        port: a free port of host 0, which is free again afterwards.
        seconds: how long to wait.

    Raises:
        UserError: on every host that is there, if one is missing or two are the same one.
    """
    until = time.monotonic() + seconds
    try:
        if index == 0:
            _gather(count, port, until)
        else:
            _report(index, count, name, port, until)
    except OSError as error:
        late = isinstance(error, TimeoutError)
        reason = f"within {seconds:.0f} s: start all of them" if late else f": {error.strerror or error}"
        raise UserError(
            f"host {index} of {count} did not meet the others at {name}:{port}{' ' * late}{reason}"
        ) from error


def _gather(count: int, port: int, until: float) -> None:
    """Host 0 hears who is there, and tells all how that ended."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with (
        socket.create_server(("", port), family=family, dualstack_ipv6=both) as server,
        contextlib.ExitStack() as connections,
    ):
        there: dict[int, socket.socket] = {}
        problem, told = "", []
        while len(there) < count - 1 and not problem:
            server.settimeout(max(until - time.monotonic(), 0.001))
            connection = connections.enter_context(server.accept()[0])
            connection.settimeout(5)
            numbers = _numbers(connection)
            if numbers is None:  # no host of ours
                continue
            index, theirs = numbers
            if theirs != count:
                problem = f"--num-processes is {theirs} on host {index}, {count} on host 0"
            elif index in there or index == 0:
                problem = f"--process-id {index} is given twice"
            there[index] = connection
            told.append(connection)
        for connection in told:
            connection.sendall(f"{problem}\n".encode())
    require(not problem, problem)


def _report(index: int, count: int, name: str, port: int, until: float) -> None:
    """Another host says that it is there, and hears how the meeting ended."""
    with _connected(name, port, until) as connection, connection.makefile("r", encoding="utf-8") as answers:
        connection.sendall(f"{index} {count}\n".encode())
        answer = answers.readline()
    require(answer.endswith("\n"), f"host 0 at {name}:{port} did not wait for all hosts, or something else is there")
    require(answer == "\n", answer.strip())


def _connected(name: str, port: int, until: float) -> socket.socket:
    """A connection to host 0, which may yet be on its way."""
    while (left := until - time.monotonic()) > 0:
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
        connection.close()  # where nobody listens a port of this host may be joined to itself
    raise TimeoutError


def _numbers(connection: socket.socket) -> tuple[int, int] | None:
    """Read another process's report: its index and its count of processes; None if it is something else."""
    try:
        with connection.makefile("r", encoding="ascii") as lines:
            match = re.fullmatch(r"([0-9]{1,4}) ([0-9]{1,4})\n", lines.readline(100))
    except (OSError, UnicodeDecodeError):
        return None
    return (int(match[1]), int(match[2])) if match else None
