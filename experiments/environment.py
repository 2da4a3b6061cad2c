"""What a command needs of the process's environment before it computes."""

import os
import subprocess
import sys

import jax

from gan_jax.cache import private_cache_folder
from gan_jax.errors import UserError


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
