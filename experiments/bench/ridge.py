"""Ridge regression against scikit-learn's, on 100 000 rows of 500 columns in float64.

Both are timed in one process, in turns, so that whatever else the machine does meets both alike.
The memory is what the first call adds to the process at its highest, before scikit-learn has run.
"""

import importlib.metadata
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info

from gan_jax.utils.files import write_json
from gan_jax.utils.processor import processor
from math_checks.ridge import ridge

ROWS, COLUMNS = 100_000, 500
STRENGTH = 0.1
ROUNDS = 7
# What is promised: within half again of scikit-learn's time, and one copy of the features. A quarter
# of a copy is room for compiling the program and for the mask that finds what is not finite, one byte a number.
MAX_RATIO, MAX_COPIES = 1.5, 1.25
COMMAND = "python -m experiments.bench.ridge experiments/results/bench"


def measure() -> dict[str, Any]:
    """Medians in seconds, their ratio, the extra memory in copies of the features, and the agreement."""
    features, targets = _data()
    ridge(features[:COLUMNS], targets[:COLUMNS], STRENGTH)  # loads the compiler, whose memory is not ours to count
    before = _peak_bytes()
    coefficients = ridge(features, targets, STRENGTH)
    copies = (_peak_bytes() - before) / features.nbytes

    peer = Ridge(alpha=ROWS * STRENGTH, solver="cholesky")
    peer.fit(features, targets)  # its own first call, untimed as ours was
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_seconds(lambda: ridge(features, targets, STRENGTH)))
        theirs.append(_seconds(lambda: peer.fit(features, targets)))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {
        "rows": ROWS,
        "columns": COLUMNS,
        "dtype": "float64",
        "rounds": ROUNDS,
        "ours_seconds": statistics.median(ours),
        "scikit_learn_seconds": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "extra_memory_in_copies_of_the_features": copies,
        "largest_difference": float(np.abs(coefficients - [peer.intercept_, *peer.coef_]).max()),
        "machine": {
            "cpu": processor(),
            "cores": os.cpu_count(),
            "threads": {"blas": _blas_threads(), "xla": os.cpu_count()},
            "load_average": os.getloadavg()[0],
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in ("jax", "numpy", "scikit-learn")},
    }


def main(out: Path) -> int:
    """Measure, print, and keep the numbers in `out`/ridge.json; 1 where a bound is broken, else 0."""
    found = measure()
    copies = found["extra_memory_in_copies_of_the_features"]
    low, high = found["ratio_range"]
    print(
        f"ridge {ROWS} x {COLUMNS}: {found['ours_seconds']:.2f} s, scikit-learn {found['scikit_learn_seconds']:.2f} s"
    )
    print(f"  ratio {found['ratio']:.2f}, {low:.2f} to {high:.2f} over the rounds, at most {MAX_RATIO}")
    print(f"  extra memory {copies:.2f} copies of the features, at most {MAX_COPIES}")
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "ridge.json", {"command": COMMAND, **found})
    return 0 if found["ratio"] <= MAX_RATIO and copies <= MAX_COPIES else 1


def _data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    features = generator.standard_normal((ROWS, COLUMNS))
    return features, features @ generator.standard_normal(COLUMNS) + generator.standard_normal(ROWS)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # macOS counts bytes, Linux kibibytes


def _blas_threads() -> dict[str, int]:
    """Describe each library of linear algebra in the process, by its file's first word."""
    return {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
