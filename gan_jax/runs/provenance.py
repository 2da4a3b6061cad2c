"""Provenance of a run: versions, machine, environment, commit."""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from gan_jax.utils.interface import on_command_line
from gan_jax.utils.processor import processor

ROOT = Path(__file__).parents[2]
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "tensorflow-datasets", "numpy", "matplotlib")
# The environment variables of JAX that can change bits and are not implied by anything else below.
_VARIABLES = (
    "JAX_CPU_ENABLE_FAST_MATH",
    "JAX_DEFAULT_DTYPE_BITS",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_DISABLE_JIT",
    "JAX_DISABLE_MOST_OPTIMIZATIONS",
    "JAX_ENABLE_X64",
    "JAX_NUMPY_DTYPE_PROMOTION",
    "JAX_RANDOM_SEED_OFFSET",
    "JAX_THREEFRY_PARTITIONABLE",
)


def provenance() -> dict[str, Any]:
    """Collect all that a result depends on besides its configuration and data, as JSON values by name."""
    device = jax.devices()[0]
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "git_commit": git_commit(ROOT),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "lock_sha256": lock_sha256(),
        "backend": jax.default_backend(),
        "device": device.device_kind,
        "device_count": 1,
        "host_count": jax.process_count(),
        "processor": processor(),
        "processor_count": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "jax_variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "prng": str(jax.random.key_impl(jax.random.key(0))),
    }


def _command() -> str:
    """Return the command line, or from Python the program that called the library, without its directories."""
    if on_command_line():
        return shlex.join(["./run.sh", *sys.argv[1:]])
    return f"gan_jax, called by {Path(sys.argv[0]).name or 'Python'}"


def lock_sha256() -> str | None:
    """Digest requirements.lock if run.sh installed the environment from it; None for other versions."""
    environment = Path(sys.prefix)
    try:
        made = (environment / "gan_jax-installed").read_text(encoding="utf-8").split()
        lock = (environment / "requirements.lock").read_bytes()  # a copy from then
    except OSError:
        return None
    return hashlib.sha256(lock).hexdigest() if "locked" in made[:2] else None


def git_commit(root: Path) -> str | None:
    """Return the commit checked out at `root`, with "+changes" if tracked files differ; None if there is none."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return None  # installed inside another project's checkout
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None
