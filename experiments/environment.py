"""What a command needs of the process and its environment before it computes."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import jax

from experiments.options import Platform, RunOptions
from gan_jax.cache import private_cache_folder
from gan_jax.config import require
from gan_jax.errors import UserError
from gan_jax.hosts import host_of, joined


@contextlib.contextmanager
def started(options: RunOptions) -> Iterator[None]:
    """A block in which JAX computes where the options say: on which platform, together with which other hosts.

    Raises:
        UserError: if there is no such platform, or the hosts do not meet.
    """
    host = host_of(options.coordinator, options.hosts, options.host_index, os.environ)
    if options.platform is not None:
        jax.config.update("jax_platforms", options.platform)  # before JAX starts its backends, which `joined` does
    with contextlib.nullcontext() if host is None else joined(host):
        if options.platform is not None:
            _require_platform(options.platform)
        yield


def _require_platform(platform: Platform) -> None:
    try:
        found = jax.default_backend()
    except (RuntimeError, AssertionError) as error:  # the latter where JAX was installed without it
        reason = " ".join(str(error).split()) or f"JAX was installed without {platform}"
        raise UserError(f"there is no {platform} here: {reason}") from error
    # JAX names a GPU's backend by what it is, and its platform by who made it.
    require(found == ("gpu" if platform == "cuda" else platform), f"there is no {platform} here: JAX is on {found}")


def prepare() -> None:
    """See to it that JAX computes, and keeps compiled programs in the user's cache folder, the small ones too.

    Raises:
        UserError: if the cache folder cannot be used, or JAX not with the flags and platforms of the environment.
    """
    jax.config.update("jax_compilation_cache_dir", str(private_cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # the next start need not compile them
    _require_flags()
    try:
        jax.devices()
    except RuntimeError as error:
        raise UserError(f"JAX cannot compute here: {error}") from error


def _require_flags() -> None:
    """Refuse XLA_FLAGS that XLA does not know: it would end the process with a page of text."""
    flags = os.environ.get("XLA_FLAGS", "")
    if not flags:
        return
    command = [sys.executable, "-P", "-c", "import jax; jax.devices()"]
    tried = subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, timeout=300)
    if tried.returncode != 0:
        raise UserError(f"XLA does not take the XLA_FLAGS {flags[:200]!r}: mend or unset them")
