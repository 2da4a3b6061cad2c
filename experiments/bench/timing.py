"""The processes of several arms, timed in turn, so that whatever else the machine does meets all alike."""

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.bench.cases import BenchCase
from gan_jax.errors import UserError


@dataclass(frozen=True)
class Timing:
    """Timing of a case. Times are in seconds an iteration."""

    arm: BenchCase
    seconds: list[float]  # one a repeat
    compile_seconds: float  # the first run's above the median's
    peak_bytes: int
    peak_device_bytes: int | None  # of the accelerator's memory, where there is one
    device: str
    threads: int | None
    versions: dict[str, str]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def images_per_second(self) -> float:
        return self.arm.images / self.median


class Worker:
    """The process of an arm."""

    def __init__(self, arm: BenchCase):
        self.arm = arm
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "experiments.bench.worker", json.dumps(arm.to_json())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told = self._answer()
        self.answers: list[dict[str, Any]] = []

    def time(self) -> None:
        """Time the arm once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.answers.append(self._answer())

    def timing(self) -> Timing:
        """Collect what has been measured."""
        seconds = [answer["seconds"] for answer in self.answers]
        iterations = self.arm.iterations
        return Timing(
            arm=self.arm,
            seconds=[value / iterations for value in seconds],
            compile_seconds=max(0.0, self.told["first_seconds"] - statistics.median(seconds)),
            peak_bytes=self.answers[-1]["peak_bytes"],
            peak_device_bytes=self.answers[-1]["peak_device_bytes"],
            device=self.told["device"],
            threads=self.told["threads"],
            versions=self.told["versions"],
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            told = [line for line in errors.splitlines() if "Error" in line] or [f"code {self._process.returncode}"]
            raise UserError(f"the bench's process of {self.arm} ended: {told[-1]}")
        return json.loads(line)


def measure(arms: Mapping[str, BenchCase], repeats: int, tell: Callable[[str], None]) -> dict[str, Timing]:
    """Time all arms `repeats` times, in turn; compiling and the first run of each are not in the times.

    Args:
        arms: by label.
        repeats: at least 1.
        tell: told of each arm that is ready.

    Raises:
        UserError: if a process ends, with its last words.
    """
    with _workers(arms, tell) as workers:
        for _ in range(repeats):
            for worker in workers.values():
                worker.time()
        return {label: worker.timing() for label, worker in workers.items()}


@contextlib.contextmanager
def _workers(arms: Mapping[str, BenchCase], tell: Callable[[str], None]) -> Iterator[dict[str, Worker]]:
    with contextlib.ExitStack() as stack:
        workers = {}
        for label, arm in arms.items():
            workers[label] = Worker(arm)
            stack.callback(workers[label].close)
            tell(f"{label}: ready")
        yield workers
