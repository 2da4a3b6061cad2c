"""Ridge regression timed against scikit-learn's, on 100 000 rows of 500 columns in float64.

    python -m experiments.bench.ridge experiments/results/bench

Both run in one process, in turn, so that any other load on the machine affects both alike. The memory is the increase
of the process's peak during the first call, before scikit-learn has run.
"""

import os
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info

from experiments.bench.process import peak_bytes, seconds
from gan_jax.runs.provenance import provenance
from gan_jax.utils.files import write_json
from math_checks.ridge import ridge

ROWS, COLUMNS = 100_000, 500
STRENGTH = 0.1
ROUNDS = 7
# The promise: at most one and a half times scikit-learn's time, and one copy of the features. Another quarter of a copy
# is allowed for compilation and for the mask of finite values, one byte per number.
MAX_RATIO, MAX_COPIES = 1.5, 1.25


def measure() -> dict[str, Any]:
    """Measure median times, their ratio, the extra memory in copies of the features, and the largest difference."""
    features, targets = _data()
    ridge(features[:COLUMNS], targets[:COLUMNS], STRENGTH)  # loads the compiler, whose memory is not counted
    before = peak_bytes()
    coefficients = ridge(features, targets, STRENGTH)
    copies = (peak_bytes() - before) / features.nbytes

    peer = Ridge(alpha=ROWS * STRENGTH, solver="cholesky")
    peer.fit(features, targets)  # its own first call, untimed as ours was
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: ridge(features, targets, STRENGTH)))
        theirs.append(seconds(lambda: peer.fit(features, targets)))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    made = provenance()
    made["versions"]["scikit-learn"] = version("scikit-learn")
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
        "threads": {"blas": {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()}, "xla": os.cpu_count()},
        "load_average": os.getloadavg()[0],
        "provenance": made,
    }


def main(out: Path) -> int:
    """Measure, print, and write the numbers to `out`/ridge.json; return 1 if a bound is exceeded, else 0."""
    found = measure()
    copies = found["extra_memory_in_copies_of_the_features"]
    low, high = found["ratio_range"]
    print(
        f"ridge {ROWS} x {COLUMNS}: {found['ours_seconds']:.2f} s, scikit-learn {found['scikit_learn_seconds']:.2f} s"
    )
    print(f"  ratio {found['ratio']:.2f} ({low:.2f} to {high:.2f} over the rounds); the bound is {MAX_RATIO}")
    print(f"  extra memory {copies:.2f} copies of the features; the bound is {MAX_COPIES}")
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "ridge.json", found)
    return 0 if found["ratio"] <= MAX_RATIO and copies <= MAX_COPIES else 1


def _data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    features = generator.standard_normal((ROWS, COLUMNS))
    return features, features @ generator.standard_normal(COLUMNS) + generator.standard_normal(ROWS)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
