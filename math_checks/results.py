"""What a command leaves behind: checks as JSON and figures as PNG, each file whole or not there at all."""

import importlib.metadata
import io
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gan_jax.errors import UserError
from math_checks.check import Check

VERSIONED = ("jax", "numpy", "scipy", "scikit-learn", "matplotlib")
DOTS_PER_INCH = 120


def save(folder: Path, facts: Mapping[str, Any], checks: Sequence[Check], figures: Mapping[str, Figure]) -> None:
    """Write one PNG per figure and then checks.json into `folder`, which is made if need be.

    Raises:
        UserError: a folder that cannot be made or written.
    """
    versions = {name: importlib.metadata.version(name) for name in VERSIONED}
    record = {
        **facts,
        "passed": all(check.passed for check in checks),
        "checks": [_as_json(check) for check in checks],
        "versions": {"python": platform.python_version(), **versions},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            write_whole(folder / f"{name}.png", _as_png(figure))
        write_whole(folder / "checks.json", (json.dumps(record, indent=2, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; give another --out") from None


def write_whole(path: Path, contents: bytes) -> None:
    """Write `path` through a neighbour and a rename: a reader, or a crash, never sees half of it."""
    neighbour = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        neighbour.write_bytes(contents)
        os.replace(neighbour, path)
    finally:
        neighbour.unlink(missing_ok=True)


def _as_json(check: Check) -> dict[str, Any]:
    # JSON has no word for a residual that is not a number; null is one that no bound admits.
    residual = check.residual if math.isfinite(check.residual) else None
    return {**check._asdict(), "residual": residual, "passed": check.passed}


def _as_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()
