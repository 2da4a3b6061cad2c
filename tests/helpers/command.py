"""Running the command line as a user does, in a process of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """How a command ended."""

    returncode: object
    stdout: str
    stderr: str


COMMAND = [sys.executable, "-P", "-m", "experiments"]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`./run.sh ARGUMENTS` without run.sh's look at the environment."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], env=os.environ | environment, capture_output=True, text=True, timeout=300
    )


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, every folder with None."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}
