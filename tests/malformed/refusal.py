"""The response to every malformed input: one line that says what to do, exit code 2, and no file touched."""

import os
from collections.abc import Callable
from pathlib import Path

from gan_jax.runs.run_dir import LOCK
from tests.helpers.command import Done, contents

PREFIX = "run.sh: error: "


def assert_refusal(done: Done) -> None:
    """Assert exit code 2 and one line of printable characters on standard error."""
    assert done.returncode == 2, done
    assert done.stderr.startswith(PREFIX), done
    line = done.stderr.removesuffix("\n")
    assert line.isprintable(), done  # no line break and no control sequence
    assert "Traceback" not in line


def assert_refused(call: Callable[..., Done], folder: Path, *arguments: object) -> str:
    """Assert that the command is refused and `folder` is unchanged; return the line."""
    before = contents(folder)
    done = call(*arguments)
    assert_refusal(done)
    after, mine = contents(folder), str(os.getpid()).encode()
    # A lock taken in the meantime names its process.
    assert after == before | {path: mine for path in after if Path(path).name == LOCK and after[path] == mine}
    return done.stderr
