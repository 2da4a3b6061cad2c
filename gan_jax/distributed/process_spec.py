"""The place of this process among many hosts, from its options or from SLURM's variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gan_jax.errors import UserError, require

MAX_HOSTS = 4096
_ADDRESS = re.compile(r"([^\s:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
_COUNT = re.compile("[0-9]{1,9}", re.ASCII)
_SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")


@dataclass(frozen=True)
class ProcessSpec:
    """This process among others."""

    index: int
    count: int
    coordinator: tuple[str, int] | None = None  # host 0's name or address, and a free port of it; None: SLURM tells


def resolve_process_spec(
    coordinator: str | None, count: int | None, index: int | None, environment: Mapping[str, str]
) -> ProcessSpec | None:
    """Return this process's place among the hosts, from its options or else from SLURM; None if it is alone.

    A step of several SLURM tasks (srun) is taken for one program of as many hosts, unless `count` is 1.

    Raises:
        UserError: for options that name no host, or a task that SLURM does not number.
    """
    if coordinator is None and index is None and count == 1:
        return None
    if coordinator is None and count is None and index is None:
        tasks, task = environment.get("SLURM_NTASKS", ""), environment.get("SLURM_PROCID", "")
        if not all(name in environment for name in _SLURM) or not _COUNT.fullmatch(tasks) or int(tasks) == 1:
            return None
        require(int(tasks) <= MAX_HOSTS, f"SLURM_NTASKS is {tasks}: hosts are {MAX_HOSTS} at most")
        known = _COUNT.fullmatch(task) is not None and int(task) < int(tasks)
        require(known, f"SLURM_PROCID must be from 0 to {int(tasks) - 1} with SLURM_NTASKS {tasks}, not {task!r}")
        return ProcessSpec(int(task), int(tasks))
    if coordinator is None or count is None or index is None:
        raise UserError(
            "many hosts take --coordinator-address, --num-processes and --process-id, all three, or none under SLURM"
        )
    require(1 <= count <= MAX_HOSTS, f"--num-processes must be from 1 to {MAX_HOSTS}, not {count}")
    require(0 <= index < count, f"--process-id must be from 0 to {count - 1} with --num-processes {count}, not {index}")
    match = _ADDRESS.fullmatch(coordinator)
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise UserError(
            f"--coordinator-address must be HOST:PORT, a name or address of host 0 and a port, not {coordinator!r}"
        )
    return ProcessSpec(index, count, (match[1].strip("[]"), int(match[2]))) if count > 1 else None
