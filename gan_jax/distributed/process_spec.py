"""Place of this process in a distributed run, from its options or from SLURM's variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gan_jax.errors import UserError, require

MAX_PROCESSES = 4096
_ADDRESS = re.compile(r"([^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
_COUNT = re.compile("[0-9]{1,9}", re.ASCII)
_SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")


@dataclass(frozen=True)
class ProcessSpec:
    """Index of this process among so many, and the coordinator that they rendezvous at."""

    index: int
    count: int
    coordinator: tuple[str, int] | None = None  # process 0's host and a free port of it; None: from SLURM


def resolve_process_spec(
    coordinator: str | None, count: int | None, index: int | None, environment: Mapping[str, str]
) -> ProcessSpec | None:
    """Return this process's place among others, from its options or else from SLURM; None if it is alone.

    A step of several SLURM tasks (srun) is one distributed run of as many processes, unless `count` is 1.

    Raises:
        UserError: for incomplete or invalid options, or invalid variables of SLURM.
    """
    if coordinator is None and index is None and count == 1:
        return None
    if coordinator is None and count is None and index is None:
        tasks, task = environment.get("SLURM_NTASKS", ""), environment.get("SLURM_PROCID", "")
        if not all(name in environment for name in _SLURM) or not _COUNT.fullmatch(tasks) or int(tasks) == 1:
            return None
        require(int(tasks) <= MAX_PROCESSES, f"SLURM_NTASKS is {tasks}: at most {MAX_PROCESSES} are supported")
        known = _COUNT.fullmatch(task) is not None and int(task) < int(tasks)
        require(known, f"SLURM_PROCID must be from 0 to {int(tasks) - 1} with SLURM_NTASKS {tasks}, not {task!r}")
        return ProcessSpec(int(task), int(tasks))
    if coordinator is None or count is None or index is None:
        options = "--coordinator-address, --num-processes and --process-id"
        raise UserError(f"a distributed run needs {options}: all three options, or none under SLURM")
    require(1 <= count <= MAX_PROCESSES, f"--num-processes must be from 1 to {MAX_PROCESSES}, not {count}")
    require(0 <= index < count, f"--process-id must be from 0 to {count - 1} with --num-processes {count}, not {index}")
    match = _ADDRESS.fullmatch(coordinator)
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise UserError(f"--coordinator-address must be HOST:PORT, of process 0, not {coordinator!r}")
    return ProcessSpec(index, count, (match[1].strip("[]"), int(match[2]))) if count > 1 else None
