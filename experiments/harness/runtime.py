"""Preparation of the process and its environment before a command computes.

JAX is first imported here, once the options have been checked, so that help and mistakes need no JAX.
"""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator

from experiments.harness.options import Platform, RunOptions
from gan_jax.distributed.process_spec import resolve_process_spec
from gan_jax.errors import UserError, require
from gan_jax.utils.cache import private_cache_folder


@contextlib.contextmanager
def jax_session(options: RunOptions) -> Iterator[None]:
    """Run the block with JAX on the options' platform, together with the other processes that they name.

    Raises:
        UserError: if XLA rejects the environment's flags, or the processes do not find one another.
    """
    host = resolve_process_spec(options.coordinator_address, options.num_processes, options.process_id, os.environ)
    _require_flags(os.environ.get("XLA_FLAGS", ""))
    import jax

    if options.platform is not None:
        jax.config.update("jax_platforms", options.platform)  # before `distributed_session` starts the backends
    if host is None:
        yield
        return
    from gan_jax.distributed.rendezvous import RENDEZVOUS_SECONDS
    from gan_jax.distributed.session import distributed_session
    from gan_jax.runs.progress import say

    say(f"process {host.index} of {host.count}: waiting for the others, up to {RENDEZVOUS_SECONDS} s")
    with distributed_session(host):
        yield


def prepare(platform: Platform | None = None) -> None:
    """Start JAX, and have it cache compiled programs, however small, in the user's cache directory.

    Raises:
        UserError: if the cache directory cannot be used, or JAX cannot run with the environment's flags, or on the
            platform.
    """
    import jax

    jax.config.update("jax_compilation_cache_dir", str(private_cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    _require_flags(os.environ.get("XLA_FLAGS", ""))
    failure = "JAX found no usable device" if platform is None else f"platform {platform} is not available"
    try:
        found = jax.default_backend()
    except (RuntimeError, AssertionError) as error:  # AssertionError if JAX was installed without the platform
        reason = " ".join(str(error).split()) or "JAX was installed without it"
        raise UserError(f"{failure}: {reason}") from error
    # The backend of the platform "cuda" is called "gpu".
    available = platform is None or found == ("gpu" if platform == "cuda" else platform)
    require(available, f"{failure}: JAX is using {found}")


@functools.cache
def _require_flags(flags: str) -> None:
    """Refuse XLA_FLAGS that XLA does not know, for which it would abort the process with a page of text."""
    if not flags:
        return
    command = [sys.executable, "-P", "-c", "from jaxlib import xla_client; xla_client.make_cpu_client()"]
    tried = subprocess.run(command, capture_output=True, timeout=300)
    # Any other failure is not due to the flags, and JAX itself reports it.
    if tried.returncode != 0 and b"parse_flags_from_env" in tried.stderr:
        raise UserError(f"XLA rejects the XLA_FLAGS {flags[:200]!r}: correct or unset them")
