"""Images embedded in a page, and the choice of the epochs whose samples are shown."""

import base64
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan_jax.errors import UserError
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import decode_png, read_limited

ALWAYS = (1, 50, 100)  # the epochs that the homework asks for
MOST_EPOCHS, FEWEST_EPOCHS = 21, 3  # shown of one run: of 100 epochs the first and every fifth
SAMPLES_BYTES = 3_100_000  # of all runs' samples in the page, in base64
BYTES_PER_GRID = 12_000  # in base64; most take less
GRAYS = 8  # of a grid, evenly from black to white: hard to tell from the original at a third of the size
MOST_BYTES = 2**24  # of an image file; this project's have some hundred thousand


class Picture(NamedTuple):
    """Image in the page, with the SHA-256 of its file and a text alternative."""

    uri: str
    sha256: str
    width: int
    height: int
    alt: str = ""


class Samples(NamedTuple):
    """Grids of a run's samples over the epochs, all of one size in pixels."""

    seed: int
    epochs: Sequence[int]
    uris: Sequence[str]
    width: int
    height: int


def picture(path: Path, alt: str = "") -> Picture:
    """Read a PNG file, and embed it unchanged.

    Args:
        path: path of the file.
        alt: description for readers who do not see it.

    Raises:
        UserError: if it cannot be read, is damaged, or is too large.
    """
    try:
        content = read_limited(path, MOST_BYTES)
        width, height = decode_png(io.BytesIO(content)).size
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"cannot read the image {path}: {error}") from error
    return Picture(_uri(content, "png"), hashlib.sha256(content).hexdigest(), width, height, alt)


def epochs_for(runs: int) -> int:
    """Return the number of epochs that a page with this many runs shows of each."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, SAMPLES_BYTES // (BYTES_PER_GRID * max(runs, 1))))


def choose_epochs(epochs: Sequence[int], most: int) -> list[int]:
    """Choose evenly spread epochs: the first, the last, and preferably those that the homework asks for.

    Args:
        epochs: the epochs to choose from, in order.
        most: the most to choose, at least 3.
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
    """Embed at most `most` of a run's grids up to epoch `last`, in GRAYS grays, as WebP without further loss."""
    epochs = choose_epochs([epoch for epoch in folder.sampled_epochs() if epoch <= last], most)
    grids = [folder.read_sample(epoch) for epoch in epochs]
    height, width = grids[-1].shape if grids else (0, 0)
    return Samples(seed, epochs, [_uri(_encode(grid), "webp") for grid in grids], width, height)


def _encode(grid: np.ndarray) -> bytes:
    """Encode uint8 (height, width) as WebP in GRAYS evenly spaced grays."""
    levels = np.rint(grid / 255 * (GRAYS - 1))
    buffer = io.BytesIO()
    shown = Image.fromarray(np.rint(levels * 255 / (GRAYS - 1)).astype(np.uint8)).convert("RGB")
    shown.save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
