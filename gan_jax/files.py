"""Files that appear whole or not at all."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

DOTS_PER_INCH = 120
PARTIAL = ".partial-"  # how the name of a file begins that is not whole yet


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well and removed when it does not.

    It ends as `path` does, since some writers choose the format by the ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, replacing what was there."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure in the format that the path's ending names."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH)


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people to read: indented, in the given order."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
