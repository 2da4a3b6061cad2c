"""Time from the command to the first training step: `./run.sh part_a` with prepared data."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from gan_jax.data.datasets import load
from gan_jax.errors import UserError
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.cache import cache_folder

COMMAND = Path(__file__).parent.parent.parent / "run.sh"
EPOCHS = 2


class Startup(NamedTuple):
    """Seconds to the end of the first iteration, without and with the programs that an earlier start has compiled."""

    cold: float
    warm: float


def measure() -> Startup:
    """Start `part_a` twice, the first time with an empty cache of compiled programs."""
    load("mnist")  # prepares it
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "gan_jax"
        cache.mkdir()
        (cache / "datasets").symlink_to(cache_folder() / "datasets")
        return Startup(*(_start(Path(folder), name) for name in Startup._fields))


def _start(cache: Path, name: str) -> float:
    """Add the time until training begins, what the first epoch takes more than the second, and one iteration."""
    command = [str(COMMAND), "part_a", "--epochs", str(EPOCHS), "--out", str(cache / "runs"), "--name", name]
    start = time.perf_counter()
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = next((time.perf_counter() for line in process.stdout if f"epochs 1 to {EPOCHS}" in line), None)
        process.stdout.read()
    if begun is None or process.returncode != 0:
        raise UserError(f"{' '.join(command)} failed: see above")
    first, second = (row["seconds"] for row in RunDir(cache / "runs" / name).read_rows())
    batches = len(load("mnist").train_images) // 512
    return begun - start + max(0.0, first - second) + second / batches
