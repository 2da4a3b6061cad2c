"""Loading of data sets, by name through tensorflow-datasets or from four IDX archives."""

import contextlib
import fcntl
import hashlib
import io
import logging
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_jax.data import DATASETS
from gan_jax.data.idx import read_idx
from gan_jax.errors import UserError, require
from gan_jax.utils.cache import private_cache_folder
from gan_jax.utils.interface import on_command_line
from gan_jax.utils.text import unknown

ARCHIVES = Path(__file__).parent / "archives"
IMAGE_SHAPE = (28, 28)
IMAGE_FILES, LABEL_FILES = (
    tuple(f"{prefix}-{kind}-ubyte.gz" for prefix in ("train", "t10k")) for kind in ("images-idx3", "labels-idx1")
)
MOST_LISTED = 5  # names of files in an error message

_OTHER_FORMATS = (
    "No other format is read: turn images such as PNG files into a gan_jax.ImageDataset in Python, as shown under "
    '"A data set" in docs/extending.md'
)
_REINSTALL = "Reinstall the package if an archive in it was changed; delete that directory if it was damaged"


class ImageDataset(NamedTuple):
    """Training and test images, uint8 (n, 784) in 0..255, and their classes, uint8 (n,).

    >>> import numpy as np
    >>> import gan_jax
    >>> black = gan_jax.ImageDataset(*2 * (np.zeros((9, 784), np.uint8), np.zeros(9, np.uint8)))
    >>> black.test_images.shape
    (9, 784)
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def sha256(self) -> str:
        """Digest all pixels and labels with their shapes and dtypes."""
        digest = hashlib.sha256()
        for array in self:
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load(name: str) -> ImageDataset:
    """Load a data set by name, prepared in the user's cache directory at its first use.

    MNIST is in the package; fashion_mnist (Xiao et al. 2017) and kmnist (Clanuwat et al. 2018) are downloaded once.

    Raises:
        UserError: for an unknown name, an archive with a wrong checksum, a failed download or an unusable cache.
    """
    if name not in DATASETS:
        raise UserError(unknown("data set", name, DATASETS))
    # Imported here because it takes a second, and the user's own archives do not need it.
    import tensorflow_datasets as tfds

    from gan_jax.data.tfds_builders import BUILDERS, builder_for, prepare, read_split

    logging.getLogger("absl").setLevel(logging.CRITICAL)
    tfds.disable_progress_bar()
    folder = private_cache_folder() / "datasets"
    if name != "mnist" and not builder_for(name, folder).is_prepared():
        _require_network(BUILDERS[name].URL)
    try:
        builder = builder_for(name, folder)
        if not builder.is_prepared():
            # tensorflow-datasets prints its progress, and two processes that prepare at once spoil the files.
            with contextlib.redirect_stdout(io.StringIO()), _exclusive(folder):
                builder = prepare(name, folder, ARCHIVES if name == "mnist" else None)
        return ImageDataset(*read_split(builder, "train"), *read_split(builder, "test"))
    except Exception as error:  # from many libraries: checksums, files, network, a damaged cache
        reason = " ".join(str(error).split())[:300]
        problem = f"cannot load {name}, prepared in {folder}: {type(error).__name__}: {reason}"
        raise UserError(f"{problem}. {_REINSTALL if name == 'mnist' else _download()}") from error


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Wait until no other process is in the block for the same directory."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _require_network(url: str) -> None:
    """Fail at once if the server's name cannot be resolved: tensorflow-datasets would retry for three minutes."""
    host = urllib.parse.urlsplit(url).hostname
    if urllib.request.getproxies():
        return  # then the proxy resolves the name
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise UserError(f"no network: {host} has no address ({error.strerror}). {_download()}") from error


def _download() -> str:
    given = "--archives DIR" if on_command_line() else "load_dataset(Path(directory))"
    return f"It is downloaded once: connect to a network, or give the four archives with {given}"


def require_bytes(dataset: ImageDataset) -> None:
    """Raise UserError, with the line that converts them, unless the arrays are as `ImageDataset` has them."""
    given = type(dataset).__name__
    require(isinstance(dataset, ImageDataset), f"images are given as a gan_jax.ImageDataset, not {given}")
    for name, array in dataset._asdict().items():
        try:
            found = np.asarray(array)
        except ValueError as error:  # rows of different lengths
            raise UserError(f"{name} is no array: {error}") from error
        given = f"{name} is {found.dtype} {found.shape}"
        if name.endswith("labels"):
            require(found.dtype == np.uint8 and found.ndim == 1, f"{given}, not uint8 (n,): {name}.astype(np.uint8)")
            continue
        if found.dtype != np.uint8:
            raise UserError(f"{given}, not uint8 (n, 784) from 0 to 255: {_conversion(name, found)}")
        if found.ndim != 2:
            raise UserError(f"{given}, not uint8 (n, 784): {name}.reshape(len({name}), -1)")
        require(found.shape[1] == 784, f"{given}: images of 28 x 28 pixels are (n, 784)")
        require(found.size == 0 or found.max() > 1, f"{name} holds 0 and 1 alone: white is 255: 255 * {name}")
    for kind in ("train", "test"):
        images, labels = (len(getattr(dataset, f"{kind}_{what}")) for what in ("images", "labels"))
        require(images == labels, f"{images} {kind} images but {labels} labels")


def _conversion(name: str, images: np.ndarray) -> str:
    """Return the expression that converts images to bytes, by the range that they seem to have, or why none does."""
    if np.issubdtype(images.dtype, np.floating) and np.isnan(images).any():
        return "it holds NaN, which no byte can"
    if not np.issubdtype(images.dtype, np.floating) or images.size == 0 or images.max() > 1:
        return f"{name}.astype(np.uint8)"
    scaled = f"127.5 * ({name} + 1)" if images.min() < 0 else f"255 * {name}"
    return f"np.rint({scaled}).astype(np.uint8)"


def load_archives(folder: Path) -> ImageDataset:
    """Load a data set from four gzipped IDX files with MNIST's names, of 28 x 28 images of unsigned bytes.

    Raises:
        UserError: if a file, which is named, is missing or invalid.
    """
    _require_archives(folder)
    arrays = []
    for image_file, label_file in zip(IMAGE_FILES, LABEL_FILES, strict=True):
        images, labels = read_idx(folder / image_file, IMAGE_SHAPE), read_idx(folder / label_file, ())
        if len(images) != len(labels):
            raise UserError(f"{folder}: {len(images)} images in {image_file} but {len(labels)} labels in {label_file}")
        arrays += [images.reshape(len(images), -1), labels]
    return ImageDataset(*arrays)


def _require_archives(folder: Path) -> None:
    """Raise UserError, with what is expected and what was found, unless the four archives are in the directory."""
    expected = (
        f"expected are four files, each a gzipped IDX file of unsigned bytes: {' and '.join(IMAGE_FILES)} with images "
        f"of 28 x 28 pixels, {' and '.join(LABEL_FILES)} with their classes"
    )
    require(folder.is_dir(), f"{folder} is not a directory; {expected}")
    try:
        found = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}") from error
    missing = [name for name in (*IMAGE_FILES, *LABEL_FILES) if name not in found]
    more = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    there = f"found: {', '.join(found[:MOST_LISTED])}{more}" if found else "the directory is empty"
    require(not missing, f"{folder} lacks {', '.join(missing)}; {expected}; {there}. {_OTHER_FORMATS}")
