"""Pictures inside a page, and which of a run's samples it has room for."""

import base64
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gan_jax.errors import UserError
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import GIF_COLORS, read_limited, unpacked_png

ALWAYS = (1, 50, 100)  # the homework's epochs
MOST_EPOCHS, FEWEST_EPOCHS = 20, 3  # of one run
SAMPLES_BYTES = 4_500_000  # of all runs' samples in the page, as text
BYTES_A_GRID = 27_000  # what one takes, as text
MOST_BYTES = 2**24  # of a picture, of which ours have some hundred thousand


class Picture(NamedTuple):
    """An image in the page, the SHA-256 of the file that it was read from, and what is seen in it."""

    uri: str
    sha256: str
    width: int
    height: int
    seen: str = ""


class Samples(NamedTuple):
    """A run's grids of samples over the epochs."""

    seed: int
    epochs: Sequence[int]
    uris: Sequence[str]


def picture(path: Path, seen: str = "") -> Picture:
    """A PNG file, byte for byte.

    Args:
        path: of the file.
        seen: what is seen in it, for those who do not see it.

    Raises:
        UserError: if it cannot be read, is damaged, or has more pixels than ours have.
    """
    try:
        content = read_limited(path, MOST_BYTES)
        width, height = unpacked_png(io.BytesIO(content)).size
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"cannot read the image {path}: {error}") from error
    return Picture(_uri(content), hashlib.sha256(content).hexdigest(), width, height, seen)


def epochs_for(runs: int) -> int:
    """Return the number of epochs that the page shows of each of so many runs."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, SAMPLES_BYTES // (BYTES_A_GRID * max(runs, 1))))


def chosen(epochs: Sequence[int], most: int) -> list[int]:
    """At most so many of the epochs (3 or more), evenly spread: the first, the last, and the homework's before others.

    Args:
        epochs: in order.
        most: at least 3.
    """
    if len(epochs) <= most:
        return list(epochs)
    even = [epochs[round(place * (len(epochs) - 1) / (most - 1))] for place in range(most)]
    for wanted in ALWAYS:
        free = [place for place in range(1, most - 1) if even[place] not in ALWAYS]
        if wanted in epochs and wanted not in even and free:
            even[min(free, key=lambda place: abs(even[place] - wanted))] = wanted
    return sorted(even)


def samples(folder: RunDir, seed: int, most: int, last: int) -> Samples:
    """A run's grids up to epoch `last`, at most so many of them, in 16 greys: half the size, and hard to tell apart."""
    epochs = chosen([epoch for epoch in folder.sampled_epochs() if epoch <= last], most)
    uris = []
    for epoch in epochs:
        buffer = io.BytesIO()
        Image.fromarray(folder.read_sample(epoch)).quantize(GIF_COLORS).save(buffer, "PNG", optimize=True)
        uris.append(_uri(buffer.getvalue()))
    return Samples(seed, epochs, uris)


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
