"""Files that appear whole or not at all, and files that may be anybody's."""

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

if TYPE_CHECKING:  # half a second to import, for those who draw
    from matplotlib.figure import Figure

DOTS_PER_INCH = 120
GIF_COLORS = 16  # of an animation: half the size that 256 give, and hard to tell from them
MAX_SIDE = 4096  # pixels of an image, of which ours have some hundred to a thousand
PARTIAL = ".partial-"  # how the name of a file begins that is not whole yet


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well and removed when it does not.

    It ends as `path` does, since some writers choose the format by the ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):  # which the user never named
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def open_no_follow(path: str, flags: int, *, links: bool = False) -> int:
    """A descriptor of a regular file, as an opener for `open`; what it makes, its owner alone may write.

    Args:
        path: of the file.
        flags: as `os.open` takes them.
        links: whether the path may be a link, as one may that a user names.

    Raises:
        OSError: if it cannot be opened, or is a link, which may lead anywhere, or a device or a pipe, which may never
            end or never begin.
    """
    # Without O_NONBLOCK the opening of a pipe that nothing writes to would not return.
    flags |= os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if not links and os.path.islink(path):  # systems differ in what they call that
            raise OSError(errno.ELOOP, "it is a link", path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", path)
    return descriptor


def open_file(path: Path, *, links: bool = False) -> BufferedReader:
    """Open a file for reading. Raises OSError as `open_no_follow`."""
    return os.fdopen(open_no_follow(str(path), os.O_RDONLY, links=links), "rb")


def read_limited(path: Path, most: int, *, links: bool = False) -> bytes:
    """The bytes of a regular file, of which there may be `most`.

    Raises:
        OSError: as `open_no_follow`; also if there are more.
    """
    with open_file(path, links=links) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
    return content


def unpacked_png(file: BinaryIO) -> Image.Image:
    """A PNG image with all its pixels. Raises ValueError if it is damaged, or has more pixels than ours have."""
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            image = Image.open(file, formats=["PNG"])
        if max(image.size) > MAX_SIDE:
            raise ValueError(f"it has {image.width} x {image.height} pixels")
        image.load()
    except Exception as error:  # of which Pillow raises many kinds
        raise ValueError(f"{error}") from error
    return image


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, replacing what was there."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, replacing what was there."""
    write_bytes(path, text.encode())


def save_figure(path: Path, figure: "Figure") -> None:
    """Write a figure in the format that the path's ending names."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix.removeprefix("."), dpi=DOTS_PER_INCH)
    write_bytes(path, drawn.getvalue())


def save_image(path: Path, image: np.ndarray) -> None:
    """Write an image, uint8 (height, width), in the format that the path's ending names."""
    write_bytes(path, _encoded(path, Image.fromarray(image)))


def save_animation(path: Path, frames: Sequence[np.ndarray], durations: Sequence[int]) -> None:
    """Write a GIF without end of frames, uint8 (height, width) each, shown for so many milliseconds."""
    first, *rest = (Image.fromarray(frame).quantize(GIF_COLORS) for frame in frames)
    options = dict(save_all=True, append_images=rest, duration=list(durations), loop=0)
    write_bytes(path, _encoded(path, first, **options))


def _encoded(path: Path, image: Image.Image, **options: Any) -> bytes:
    """Encode an image in the format that the path's ending names.

    Apart from the writing: Pillow imports what it needs for a format, and a signal during an import ends the process at
    once, which would leave a partial file.
    """
    encoded = io.BytesIO()
    encoded.name = path.name  # where Pillow looks for the format
    image.save(encoded, **options)
    return encoded.getvalue()


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people to read: indented, in the given order."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
