"""Cache directory of prepared data and compiled programs. Only its owner may write to it: the programs are executed."""

import os
import stat
import tempfile
from pathlib import Path

from gan_jax.errors import UserError

_REMEDY = "set XDG_CACHE_HOME to a directory of your own"


def cache_folder() -> Path:
    """Return the user's cache directory for this project: $XDG_CACHE_HOME/gan_jax or ~/.cache/gan_jax."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the XDG specification says to ignore it
        home = os.path.expanduser("~")
        if os.environ.get("HOME") == "" or not os.path.isabs(home):
            raise UserError(f"no home directory to cache data and compiled programs in: set HOME, or {_REMEDY}")
        base = os.path.join(home, ".cache")
    return Path(base) / "gan_jax"


def private_cache_folder() -> Path:
    """Return the cache directory, created if missing, and closed to all other users.

    Raises:
        UserError: if it cannot be written to, or belongs to another user.
    """
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid != os.geteuid():
            raise UserError(f"{folder} belongs to another user, who could plant compiled programs in it: {_REMEDY}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
        tempfile.TemporaryFile(dir=folder).close()  # an existing directory may still refuse files
    except OSError as error:
        raise UserError(f"cannot use the cache directory {folder}: {error.strerror or error}; {_REMEDY}") from error
    return folder
