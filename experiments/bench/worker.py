"""The process of one case: prepares it, then times it once for each line on standard input.

    python -m experiments.bench.worker '{"framework": "jax", ...}'

It answers on standard output with one JSON object per line; anything that libraries print goes to standard error.
"""

import json
import os
import sys
from typing import Any

from experiments.bench.cases import BenchCase
from experiments.bench.process import peak_bytes, seconds


def main() -> None:
    """Time the case that the command line describes."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def answer(**values: Any) -> None:
            answers.write(json.dumps(values) + "\n")
            answers.flush()

        from experiments.bench.workloads import prepare  # libraries may print while they are imported

        work = prepare(BenchCase(**json.loads(sys.argv[1])))
        answer(first_seconds=seconds(work.run), device=work.device, threads=work.threads, versions=work.versions)
        for _ in sys.stdin:
            answer(seconds=seconds(work.run), peak_bytes=peak_bytes(), peak_device_bytes=work.peak_device_bytes())


if __name__ == "__main__":
    main()
