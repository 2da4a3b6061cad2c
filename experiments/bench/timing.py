"""Worker processes of several cases, timed in turn, so that any other load on the machine affects all of them alike."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from experiments.bench.cases import BenchCase
from gan_jax.errors import UserError


@dataclass(frozen=True)
class Timing:
    """Timings of a case, in seconds per iteration."""

    case: BenchCase
    seconds: list[float]  # one per repeat
    compile_seconds: float  # time of the first run less the median
    peak_bytes: int
    peak_device_bytes: int | None  # memory of the accelerator, where there is one
    device: str
    threads: int | None
    versions: dict[str, str]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def images_per_second(self) -> float:
        return self.case.images / self.median


class Worker:
    """The process of a case."""

    def __init__(self, case: BenchCase):
        self.case = case
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "experiments.bench.worker", json.dumps(asdict(case))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ready = self._answer()
        self.answers: list[dict[str, Any]] = []

    def time(self) -> None:
        """Time the case once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.answers.append(self._answer())

    def timing(self) -> Timing:
        """Collect the measurements so far."""
        seconds = [answer["seconds"] for answer in self.answers]
        return Timing(
            case=self.case,
            seconds=[value / self.case.iterations for value in seconds],
            compile_seconds=max(0.0, self.ready["first_seconds"] - statistics.median(seconds)),
            peak_bytes=self.answers[-1]["peak_bytes"],
            peak_device_bytes=self.answers[-1]["peak_device_bytes"],
            device=self.ready["device"],
            threads=self.ready["threads"],
            versions=self.ready["versions"],
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            last_words = [line for line in errors.splitlines() if "Error" in line] or [
                f"code {self._process.returncode}"
            ]
            raise UserError(f"the benchmark's process for {self.case} ended: {last_words[-1]}")
        return json.loads(line)


def measure(cases: Mapping[str, BenchCase], repeats: int, log: Callable[[str], None]) -> dict[str, Timing]:
    """Time all cases `repeats` times, in turn; compilation and the first run of each are not counted.

    Args:
        cases: cases by label.
        repeats: at least 1.
        log: called with a line for each case that is ready.

    Raises:
        UserError: if a process ends early, with the last line of its error.
    """
    with ExitStack() as stack:
        workers = {}
        for label, case in cases.items():
            workers[label] = Worker(case)
            stack.callback(workers[label].close)
            log(f"{label}: ready")
        for _ in range(repeats):
            for worker in workers.values():
                worker.time()
        return {label: worker.timing() for label, worker in workers.items()}
