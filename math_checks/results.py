"""Results of a command: checks as JSON and figures as PNG, each file written atomically."""

import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from gan_jax.errors import UserError
from gan_jax.runs.provenance import provenance
from gan_jax.utils.files import save_figure, write_json
from math_checks.check import Check

VERSIONED = ("scipy", "scikit-learn")  # besides the packages in `provenance`


def save(folder: Path, facts: Mapping[str, Any], checks: Sequence[Check], figures: Mapping[str, Figure]) -> None:
    """Write one PNG per figure and then checks.json into `folder`, which is created if necessary.

    Raises:
        UserError: if it cannot be created or written to.
    """
    made = provenance()
    made["versions"] |= {name: importlib.metadata.version(name) for name in VERSIONED}
    record = {
        **facts,
        "passed": all(check.passed for check in checks),
        "checks": [_as_json(check) for check in checks],
        "provenance": made,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            save_figure(folder / f"{name}.png", figure)
        write_json(folder / "checks.json", record)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; give another --out") from None


def _as_json(check: Check) -> dict[str, Any]:
    # JSON has no NaN: null stands for a residual that is not a number, which fails every bound.
    residual = check.residual if math.isfinite(check.residual) else None
    return {**check._asdict(), "residual": residual, "passed": check.passed}
