"""The folder for prepared data and compiled programs, which nobody else may write to: what lies there is executed."""

import os
import stat
import tempfile
from pathlib import Path

from gan_jax.errors import UserError

_REMEDY = "set XDG_CACHE_HOME to a folder of your own"


def cache_folder() -> Path:
    """The user's cache folder for this project: $XDG_CACHE_HOME/gan_jax or ~/.cache/gan_jax."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # is to be ignored, by the XDG specification
        home = os.path.expanduser("~")
        if os.environ.get("HOME") == "" or not os.path.isabs(home):
            raise UserError(f"there is no home folder to keep data and compiled programs in: mend HOME, or {_REMEDY}")
        base = os.path.join(home, ".cache")
    return Path(base) / "gan_jax"


def private_cache_folder() -> Path:
    """The same, made if missing, and closed to all other users.

    Raises:
        UserError: if it cannot be written to, or is another user's.
    """
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid != os.geteuid():
            raise UserError(f"{folder} is another user's, who could put programs of theirs there: {_REMEDY}")
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
        tempfile.TemporaryFile(dir=folder).close()  # a folder that is there may still refuse files
    except OSError as error:
        raise UserError(f"cannot use the cache folder {folder}: {error.strerror or error}; {_REMEDY}") from error
    return folder
