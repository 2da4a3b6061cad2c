"""Kills a run again and again, at moments of every kind, and compares it with an undisturbed run: equal bits.

    .venv/bin/python -m tests.helpers.soak --kills 50 --out DIR

The run is a real one, on the first real digits, in a separate process that gets SIGKILL: from outside some time after
its start or after an epoch, and from `tests.helpers.killed` while each kind of file is written. The seed determines
the moments; what a kill from outside interrupts depends on the machine and is not checked.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.data.datasets import ARCHIVES, load_archives
from gan_jax.runs.provenance import provenance
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import PARTIAL, write_json, write_text
from tests.conftest import write_small_archives
from tests.helpers.command import COMMAND


class Phase(NamedTuple):
    """A kind of moment to kill at."""

    name: str
    files: str = ""  # a regular expression of the paths being written; empty: killed from outside
    moments: tuple[int, int] = (2, 3)  # which opening or move; a partial file's first comes before it exists
    epochs: int = 0  # at most this many are trained before
    seconds: float = 0.0  # from outside: at most this much later


PHASES = (
    Phase("while a checkpoint is written", rf"/checkpoints/{PARTIAL}", epochs=1),
    Phase("up to 4 s after its start", seconds=4.0),
    Phase("up to 0.3 s after an epoch", epochs=1, seconds=0.3),
    Phase("while samples are written", rf"samples/{PARTIAL}", epochs=1),
    Phase("while the metrics are written", rf"{PARTIAL}\d+-metrics", epochs=1),
    Phase("while the last figures are written", rf"{PARTIAL}\d+-(learning_curve|diagnostics|samples)", (2, 8)),
    Phase("while the manifest is written", rf"{PARTIAL}\d+-manifest"),
    Phase("while an old checkpoint is removed", r"/checkpoints/epoch_", (1, 2), epochs=3),
)
LAST = PHASES[5]  # reached only at the end
NAME = "soak"


def soak(out: Path, kills: int, seed: int = 0) -> dict[str, Any]:
    """Train twice, the second time with this many kills, and compare.

    Args:
        out: a new directory for both runs.
        kills: number of kills, spread evenly over `PHASES`.
        seed: seed of the moments.
    """
    archives = out / "archives"
    archives.mkdir(parents=True)
    write_small_archives(archives, load_archives(ARCHIVES))
    epochs = 2 * kills + 4  # more than all starts before the last figures train together

    def command(folder: str) -> list[str]:
        options = ["--archives", archives, "--name", NAME, "--epochs", epochs, "--checkpoint-every", 1]
        return ["part_a", *map(str, options), "--out", str(out / folder)]

    began = time.perf_counter()
    subprocess.run([*COMMAND, *command("alone")], check=True, capture_output=True)
    killed, alone = out / "killed" / NAME, out / "alone" / NAME
    hit: Counter[str] = Counter()
    for phase in _order(kills, rng := random.Random(seed)):
        _kill(command("killed"), killed, phase, rng)
        hit[phase.name] += 1
    last = subprocess.run([*COMMAND, *command("killed")], check=True, capture_output=True, text=True)
    return {
        "kills": hit.total(),
        "phases": {phase.name: hit[phase.name] for phase in PHASES},
        "epochs": epochs,
        "params_sha256": RunDir(killed).read_manifest()["params_sha256"],
        "same_parameters": len({RunDir(path).read_manifest()["params_sha256"] for path in (killed, alone)}) == 1,
        "same_metrics": _metrics(killed) == _metrics(alone),
        "same_images": _images(killed) == _images(alone),
        "nothing_left_behind": not [*killed.rglob(f"{PARTIAL}*"), *killed.rglob("*tmp*")] and not last.stderr,
        "seconds": round(time.perf_counter() - began),
    }


def _order(kills: int, rng: random.Random) -> Iterator[Phase]:
    """Yield each phase equally often, in a random order except that the last figures come last."""
    phases = [PHASES[index % len(PHASES)] for index in range(kills)]
    rng.shuffle(phases)
    yield from sorted(phases, key=lambda phase: phase == LAST)


def _kill(command: list[str], folder: Path, phase: Phase, rng: random.Random) -> None:
    """Start the run and kill it in a phase."""
    epochs = rng.randint(0, phase.epochs)
    start = COMMAND
    if phase.files:
        start = [
            sys.executable,
            "-m",
            "tests.helpers.killed",
            phase.files,
            str(epochs),
            str(rng.randint(*phase.moments)),
        ]
    log = folder.parent / "log.txt"
    log.parent.mkdir(exist_ok=True)
    with open(log, "wb") as output, subprocess.Popen([*start, *command], stdout=output, stderr=output) as process:
        if not phase.files:
            while log.read_bytes().count(b"\nepoch ") < phase.epochs and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, phase.seconds))
            process.kill()
    log_text = log.read_text()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"not killed {phase.name}: {log_text}")
    if "damaged" in log_text:  # a kill must leave intact checkpoints
        raise RuntimeError(log_text)
    _require_readable(folder)


def _require_readable(folder: Path) -> None:
    """Raise unless every file under its final name can be read."""
    run = RunDir(folder)
    for read in (run.read_config, run.read_manifest, run.read_rows):
        read()
    for epoch in run.sampled_epochs():
        run.read_sample(epoch)


def _metrics(folder: Path) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in RunDir(folder).read_rows()]


def _images(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.suffix in (".png", ".gif")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def write(out: Path, result: dict[str, Any], kills: int, seed: int) -> None:
    """Write the results, their provenance and a table."""
    made = provenance()
    kept = ("git_commit", "python", "versions", "backend", "processor", "processor_count")
    command = f".venv/bin/python -m tests.helpers.soak --kills {kills} --seed {seed} --out DIR"
    write_json(out / "soak.json", {"command": command, **result, **{name: made[name] for name in kept}})
    lines = ["| killed | times |", "| --- | --- |", *(f"| {phase} | {n} |" for phase, n in result["phases"].items())]
    write_text(out / "soak.md", "\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.helpers.soak", description="A run killed again and again.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    result = soak(options.out, options.kills, options.seed)
    write(options.out, result, options.kills, options.seed)
    print((options.out / "soak.json").read_text())
    return 0 if all(value for name, value in result.items() if name.startswith(("same", "nothing"))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
