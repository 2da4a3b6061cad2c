"""Reader of the IDX format of the MNIST archives: a big-endian header, then the values, all in gzip.

Archives are not trusted: a header's counts are bounded, and no more is decompressed than it declares.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from gan_jax.errors import UserError
from gan_jax.utils.files import open_file

MAX_ITEMS = 1_000_000
MAX_RATIO = 1033  # of deflate, which encodes 258 bytes in two bits, with a little for rounding
_UNSIGNED_BYTE = 0x08


def read_idx(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes.

    Args:
        path: the file.
        item_shape: the required shape of an item: (28, 28) for images, () for labels.

    Returns:
        uint8 (n, *item_shape), at least one item.

    Raises:
        UserError: if the file cannot be read, is not gzip or IDX, or does not hold what its header says.
    """
    try:
        with open_file(path, links=True) as packed, gzip.GzipFile(fileobj=packed, mode="rb") as file:
            count = _read_header(path, file.read(4 + 4 * (1 + len(item_shape))), item_shape)
            size = count * math.prod(item_shape)
            if size > MAX_RATIO * os.fstat(packed.fileno()).st_size:
                raise UserError(
                    f"{path}: the header declares {count} items, {size} bytes, which a file of its size cannot hold"
                )
            values = np.empty(size, np.uint8)
            found = _fill(values, file)
            more = bool(file.read(1))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path} is truncated or not gzip: {error}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: the header declares {count} items: not enough memory for {size} bytes") from error
    if found < size or more:
        holds = "more" if more else f"{found} bytes"
        raise UserError(f"{path}: the header declares {count} items, {size} bytes, but the file holds {holds}")
    return values.reshape(count, *item_shape)


def _fill(values: np.ndarray, file: gzip.GzipFile) -> int:
    """Read into values, uint8 (n,), up to the end of the file; returns the number of values read."""
    filled = 0
    while filled < len(values) and (count := file.readinto(values.data[filled:])):
        filled += count
    return filled


def _read_header(path: Path, header: bytes, item_shape: tuple[int, ...]) -> int:
    """Return the number of items that a header declares."""
    rank = 1 + len(item_shape)
    if len(header) != 4 + 4 * rank or header[:4] != bytes([0, 0, _UNSIGNED_BYTE, rank]):
        raise UserError(f"{path} is not an IDX file of unsigned bytes with {rank} dimension{'s' if rank > 1 else ''}")
    count, *shape = struct.unpack(f">{rank}I", header[4:])
    if tuple(shape) != item_shape:
        raise UserError(f"{path} holds items of {' x '.join(map(str, shape))}, not {' x '.join(map(str, item_shape))}")
    if not 1 <= count <= MAX_ITEMS:
        raise UserError(f"{path}: the header declares {count} items: between 1 and {MAX_ITEMS} can be read")
    return count
