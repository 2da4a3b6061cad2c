"""Atomic writing of files, and safe reading of untrusted ones."""

import contextlib
import errno
import io
import json
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image

if TYPE_CHECKING:  # takes half a second to import
    from matplotlib.figure import Figure

DOTS_PER_INCH = 120
GIF_COLORS = 16  # an animation is half as large as with 256 colors and looks the same
MAX_SIDE = 4096  # pixels; the sides of our images have a few hundred
PARTIAL = ".partial-"  # prefix of the name of an incomplete file


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved onto it if the block succeeds and removed if not.

    The temporary path has the same suffix, by which some writers choose the format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        with contextlib.suppress(OSError):  # some file systems have no order of a directory's entries to keep
            _sync_directory(path.parent)
    except OSError as error:
        if error.filename == str(temporary):  # a name that the user does not know
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    """Have the system write a directory's entries, so that a file that replaced another stays there after a crash."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_no_follow(path: str, flags: int, *, links: bool = False) -> int:
    """Open a regular file and return its descriptor, as an opener for `open`; only the owner may write a new file.

    Args:
        path: the file.
        flags: those of `os.open`.
        links: True to allow a symbolic link, for paths that the user has given.

    Raises:
        OSError: if it cannot be opened, or is a link, which may lead anywhere, or a device or a pipe, which may be
            endless.
    """
    # Without O_NONBLOCK, opening a pipe that nothing writes to would block.
    flags |= os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if not links and os.path.islink(path):  # the error's number depends on the system
            raise OSError(errno.ELOOP, "it is a link", path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return descriptor


def open_file(path: Path, *, links: bool = False) -> BufferedReader:
    """Open a file for reading. Raises OSError as `open_no_follow`."""
    return os.fdopen(open_no_follow(str(path), os.O_RDONLY, links=links), "rb")


def read_limited(path: Path, max_bytes: int, *, links: bool = False) -> bytes:
    """Read a regular file of at most `max_bytes`.

    Raises:
        OSError: as `open_no_follow`; also if it is larger.
    """
    with open_file(path, links=links) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes} bytes", str(path))
    return content


def decode_png(file: BinaryIO) -> Image.Image:
    """Decode a PNG image. Raises ValueError if it is damaged, or a side has more than MAX_SIDE pixels."""
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            image = Image.open(file, formats=["PNG"])
        if max(image.size) > MAX_SIDE:
            raise ValueError(f"it has {image.width} x {image.height} pixels")
        image.load()
    except Exception as error:  # Pillow raises many types
        raise ValueError(f"{error}") from error
    return image


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, replacing an existing one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, replacing an existing file."""
    write_bytes(path, text.encode())


def save_figure(path: Path, figure: "Figure") -> None:
    """Write a figure in the format of the path's suffix."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix.removeprefix("."), dpi=DOTS_PER_INCH)
    write_bytes(path, drawn.getvalue())


def save_image(path: Path, image: np.ndarray) -> None:
    """Write an image, uint8 (height, width), in the format of the path's suffix."""
    write_bytes(path, _encode(path, Image.fromarray(image)))


def save_animation(path: Path, frames: Sequence[np.ndarray], durations: Sequence[int]) -> None:
    """Write a looping GIF of frames, uint8 (height, width) each, with durations in milliseconds."""
    first, *rest = (Image.fromarray(frame).quantize(GIF_COLORS) for frame in frames)
    options = dict(save_all=True, append_images=rest, duration=list(durations), loop=0)
    write_bytes(path, _encode(path, first, **options))


def _encode(path: Path, image: Image.Image, **options: Any) -> bytes:
    """Encode an image in the format of the path's suffix.

    Images are encoded before any file is opened: Pillow imports a format's plugin at its first use, and a signal during
    an import ends the process at once, which would leave a partial file.
    """
    encoded = io.BytesIO()
    encoded.name = path.name  # Pillow takes the format from it
    image.save(encoded, **options)
    return encoded.getvalue()


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON: indented, with keys in the given order."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
