"""Lookup of runs by path or by name, with one message for all that are not there."""

import difflib
from pathlib import Path

from gan_jax.errors import UserError

MOST_NAMED = 5  # existing runs in an error message


def find_run(run: Path, out: Path | None = None) -> Path:
    """Return a run's path, which may be given as its name in `out`.

    Raises:
        UserError: if there is nothing; the message names the existing runs whose names are the most similar.
    """
    for path in (run, *([] if out is None else [out / run])):
        if path.exists():
            return path
    folder = run.parent if out is None or len(run.parts) > 1 else out
    raise UserError(f"there is no run {run.name} in {folder}: {_existing(run.name, folder)}")


def _existing(name: str, folder: Path) -> str:
    """List the runs in a directory, those with the most similar names first."""
    try:
        names = sorted(path.parent.name for path in folder.glob("*/config.json"))
    except OSError:
        names = []
    if not names:
        return "it holds no runs"
    similar = difflib.get_close_matches(name, names, n=MOST_NAMED, cutoff=0.0)
    more = f" and {len(names) - len(similar)} more" if len(names) > len(similar) else ""
    return f"it holds {', '.join(similar)}{more}"
