"""Run the command line as a user does, in a separate process."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """A finished command's exit code and output."""

    returncode: object
    stdout: str
    stderr: str


COMMAND = [sys.executable, "-P", "-m", "experiments"]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `./run.sh ARGUMENTS` without its check of the environment."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], env=os.environ | environment, capture_output=True, text=True, timeout=300
    )


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a directory with its bytes, and every directory with None."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}
