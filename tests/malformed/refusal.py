"""What every malformed input is met with: one line that says what to do, exit code 2, and no file touched."""

import os
from collections.abc import Callable
from pathlib import Path

from gan_jax.runs.run_dir import LOCK
from tests.helpers.command import Done, contents

PREFIX = "run.sh: error: "


def assert_refusal(done: Done) -> None:
    """One line on standard error, in characters that a terminal only shows, and exit code 2."""
    assert done.returncode == 2, done
    assert done.stderr.startswith(PREFIX), done
    line = done.stderr.removesuffix("\n")
    assert line.isprintable(), done  # no further line, and no command to the terminal
    assert "Traceback" not in line


def assert_refused(call: Callable[..., Done], folder: Path, *arguments: object) -> str:
    """The command is refused, and everything in `folder` is as it was; returns the line."""
    before = contents(folder)
    done = call(*arguments)
    assert_refusal(done)
    after, mine = contents(folder), str(os.getpid()).encode()
    # A lock that was taken meanwhile tells by whom.
    assert after == before | {path: mine for path in after if Path(path).name == LOCK and after[path] == mine}
    return done.stderr
