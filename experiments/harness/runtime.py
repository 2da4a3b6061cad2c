"""Preparation of the process and its environment before a command computes.

JAX is first imported here, and what needs it after this: options are read, and help is printed, without it.
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
def started(options: RunOptions) -> Iterator[None]:
    """A block in which JAX is to compute where the options say: on which platform, together with which other hosts.

    Raises:
        UserError: if XLA does not take the environment's flags, or the hosts do not meet.
    """
    host = resolve_process_spec(options.coordinator_address, options.num_processes, options.process_id, os.environ)
    _require_flags(os.environ.get("XLA_FLAGS", ""))
    import jax

    if options.platform is not None:
        jax.config.update(
            "jax_platforms", options.platform
        )  # before JAX starts its backends, which `distributed_session` does
    if host is None:
        yield
        return
    from gan_jax.distributed.rendezvous import RENDEZVOUS_SECONDS
    from gan_jax.distributed.session import distributed_session
    from gan_jax.runs.progress import say

    say(f"host {host.index} of {host.count}: waiting for the others, up to {RENDEZVOUS_SECONDS} s")
    with distributed_session(host):
        yield


def prepare(platform: Platform | None = None) -> None:
    """See to it that JAX computes, and keeps compiled programs in the user's cache folder, the small ones too.

    Raises:
        UserError: if the cache folder cannot be used, JAX not with the flags and platforms of the environment, or it
            has no such platform.
    """
    import jax

    jax.config.update("jax_compilation_cache_dir", str(private_cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # the next start need not compile them
    _require_flags(os.environ.get("XLA_FLAGS", ""))
    where = "JAX cannot compute here" if platform is None else f"there is no {platform} here"
    try:
        found = jax.default_backend()
    except (RuntimeError, AssertionError) as error:  # the latter where JAX was installed without the platform
        reason = " ".join(str(error).split()) or "JAX was installed without it"
        raise UserError(f"{where}: {reason}") from error
    # JAX names a GPU's backend by what it is, and its platform by who made it.
    require(platform is None or found == ("gpu" if platform == "cuda" else platform), f"{where}: JAX is on {found}")


@functools.cache
def _require_flags(flags: str) -> None:
    """Refuse XLA_FLAGS that XLA does not know: it would end the process with a page of text."""
    if not flags:
        return
    command = [sys.executable, "-P", "-c", "from jaxlib import xla_client; xla_client.make_cpu_client()"]
    tried = subprocess.run(command, capture_output=True, timeout=300)
    # Nothing else that ends it is the flags' fault: of that JAX itself tells.
    if tried.returncode != 0 and b"parse_flags_from_env" in tried.stderr:
        raise UserError(f"XLA does not take the XLA_FLAGS {flags[:200]!r}: mend or unset them")
