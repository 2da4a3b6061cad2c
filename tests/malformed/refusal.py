"""What every malformed input is met with: one line that says what to do, exit code 2, and no file touched."""

from collections.abc import Callable
from pathlib import Path

from gan_jax.run_folder import LOCK
from tests.command import Done, contents

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
    before = _kept(folder)
    done = call(*arguments)
    assert_refusal(done)
    assert _kept(folder) == before
    return done.stderr


def _kept(folder: Path) -> dict[str, bytes | None]:
    """The contents but for locks, which hold nothing that is anybody's."""
    return {path: content for path, content in contents(folder).items() if Path(path).name != LOCK}
