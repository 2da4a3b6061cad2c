"""The process of one arm: prepares it, then times it once for each line on standard input.

    python -m experiments.bench.worker '{"framework": "jax", ...}'

It answers on standard output, a JSON object a line; whatever libraries print goes to standard error.
"""

import json
import os
import resource
import sys
import time
from typing import Any

from experiments.bench.cases import BenchCase


def main() -> None:
    """Serve the arm that the command line describes."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def answer(**values: Any) -> None:
            answers.write(json.dumps(values) + "\n")
            answers.flush()

        from experiments.bench.workloads import prepare  # after the output is out of the libraries' way

        work = prepare(BenchCase(**json.loads(sys.argv[1])))
        answer(first_seconds=_timed(work.run), device=work.device, threads=work.threads, versions=work.versions)
        for _ in sys.stdin:
            answer(seconds=_timed(work.run), peak_bytes=_peak_bytes(), peak_device_bytes=work.peak_device_bytes())


def _timed(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _peak_bytes() -> int:
    """The most memory that this process has held at a time."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # in bytes there, in KiB elsewhere


if __name__ == "__main__":
    main()
