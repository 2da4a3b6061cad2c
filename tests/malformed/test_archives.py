"""Malformed archives: no gzip, no IDX, other shapes and counts, decompression bombs, and paths that are no files."""

import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from gan_jax.data.datasets import IMAGE_FILES, LABEL_FILES
from gan_jax.evaluation.classifier import WEIGHTS
from tests.conftest import write_idx
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import Damage

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def header(*sizes: int, magic: int = 8) -> bytes:
    return bytes([0, 0, magic, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


def packed(content: bytes) -> Damage:
    """Compress this content."""
    return lambda path: path.write_bytes(gzip.compress(content, 1))


def raw(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def values(*shape: int) -> Damage:
    return lambda path: write_idx(path, np.zeros(shape))


def cut(share: float) -> Damage:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def flip(share: float) -> Damage:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(share * len(content))] ^= 0x10
        path.write_bytes(content)

    return damage


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to(target: str) -> Damage:
    return lambda path: path.symlink_to(target)


# Replacements for one of the four archives; where None, the archive is damaged in place.
REPLACED = {
    "empty": raw(b""),
    "text": raw(b"no digits"),
    "IDX that is not packed": raw(header(1100, 28, 28) + bytes(1100 * 784)),
    "PNG": raw(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "zip": raw(b"PK\x03\x04" + bytes(100)),
    "gzip's own header alone": raw(gzip.compress(b"")[:10]),
    "gzip of another method": raw(b"\x1f\x8b\x01" + gzip.compress(header(1100, 28, 28))[3:]),
    "gzip of nothing": packed(b""),
    "gzip of text": packed(b"no digits"),
    "gzip of gzip": packed(gzip.compress(header(1100, 28, 28) + bytes(1100 * 784))),
    "header cut short": packed(header(1100, 28, 28)[:10]),
    "header alone": packed(header(1100, 28, 28)),
    "header backwards": packed(header(1100, 28, 28)[::-1] + bytes(1100 * 784)),
    "other magic": packed(b"\x01" + header(1100, 28, 28)[1:] + bytes(1100 * 784)),
    "signed bytes": packed(header(1100, 28, 28, magic=9) + bytes(1100 * 784)),
    "float64": packed(header(1100, 28, 28, magic=14) + bytes(8 * 1100 * 784)),
    "two dimensions": values(1100, 784),
    "four dimensions": values(1100, 28, 28, 1),
    "other shape": values(1100, 27, 28),
    "transposed count": packed(header(28, 28, 1100) + bytes(1100 * 784)),
    "no images": values(0, 28, 28),
    "one image too few": packed(header(1100, 28, 28) + bytes(1099 * 784)),
    "one byte too many": packed(header(1100, 28, 28) + bytes(1100 * 784 + 1)),
    "another archive after it": packed(2 * (header(1100, 28, 28) + bytes(1100 * 784))),
    "count of one more": values(1101, 28, 28),
    "count beyond the most": packed(header(1_000_001, 28, 28) + bytes(784)),
    "count of all bits": packed(header(2**32 - 1, 28, 28) + bytes(784)),
    "count that its size cannot hold": packed(header(1_000_000, 28, 28) + bytes(784)),
    "bomb behind two images": packed(header(2, 28, 28) + bytes(50_000_000)),
    "bomb behind its header": raw(gzip.compress(header(1, 28, 28)) + gzip.compress(bytes(50_000_000), 1)),
    "folder": folder,
    "pipe": pipe,
    "link to nowhere": link_to("nowhere"),
    "link to itself": link_to(IMAGES),
    "link to a device": link_to("/dev/zero"),
    "link to a folder": link_to("."),
    "missing": lambda path: None,
}
DAMAGED = {
    "truncated by a byte": cut(0.99999),
    "truncated by half": cut(0.5),
    "truncated in its header": cut(0.0001),
    "flipped at its start": flip(0),
    "flipped in its middle": flip(0.5),
    "flipped in its checksum": lambda path: path.write_bytes(
        path.read_bytes()[:-8] + bytes(4) + path.read_bytes()[-4:]
    ),
    "flipped in its length": lambda path: path.write_bytes(path.read_bytes()[:-4] + bytes(4)),
    "rubbish after it": lambda path: path.write_bytes(path.read_bytes() + b"rubbish"),
}
OF_LABELS = {
    "labels of images": values(1100, 28, 28),
    "labels too few": values(1099),
    "labels too many": values(1101),
    "no labels": values(0),
    "label too many": packed(header(1100) + bytes(1101)),
    "labels in wide numbers": packed(header(1100, magic=12) + bytes(4 * 1100)),
}


@pytest.fixture
def archives(tmp_path, small_archives) -> Path:
    copy = tmp_path / "archives"
    shutil.copytree(small_archives, copy)
    return copy


@pytest.mark.parametrize("make", REPLACED.values(), ids=REPLACED)
def test_an_invalid_archive_is_refused(call, tmp_path, archives, make):
    (archives / IMAGES).unlink()
    make(archives / IMAGES)
    assert "train" in assert_refused(call, tmp_path, "part_a", "--archives", archives, "--out", tmp_path / "runs")


@pytest.mark.parametrize("names", [[], ["1.png"], [f"{place}.png" for place in range(9)], [IMAGES, LABELS]], ids=len)
def test_a_directory_of_other_files_is_told_what_is_expected(call, tmp_path, names):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    line = assert_refused(call, tmp_path, "part_a", "--archives", folder, "--out", tmp_path / "runs")
    assert "expected are four files, each a gzipped IDX file" in line
    assert all(name in line for name in (*IMAGE_FILES, *LABEL_FILES))
    assert (names[0] if names else "the directory is empty") in line
    assert ("and 4 more" in line) == (len(names) == 9)
    assert ("8.png" in line) is False  # the list ends before


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_refused(call, tmp_path, archives, damage):
    damage(archives / IMAGES)
    line = assert_refused(call, tmp_path, "saturation", "--archives", archives, "--out", tmp_path / "runs")
    assert IMAGES in line


@pytest.mark.parametrize("make", OF_LABELS.values(), ids=OF_LABELS)
def test_labels_that_do_not_fit_are_refused(call, tmp_path, archives, make):
    make(archives / LABELS)
    assert "train" in assert_refused(call, tmp_path, "part_b", "--archives", archives, "--out", tmp_path / "runs")


def test_labels_beyond_a_classifiers_classes_are_refused(call, tmp_path, archives):
    """A classifier of ten classes does not fit these data; without one, labels do not matter."""
    labels = np.arange(1100) % 26
    write_idx(archives / LABELS, labels)
    out = ["--out", tmp_path / "runs"]
    assert "label 25" in assert_refused(call, tmp_path, "part_a", "--archives", archives, "--classifier", WEIGHTS, *out)


TOO_FEW = {"training": ("train", 5), "test": ("t10k", 5), "a batch": ("train", 511)}


@pytest.mark.parametrize(("prefix", "count"), TOO_FEW.values(), ids=TOO_FEW)
def test_too_few_images_are_refused(call, tmp_path, archives, prefix, count):
    write_idx(archives / f"{prefix}-images-idx3-ubyte.gz", np.zeros((count, 28, 28)))
    write_idx(archives / f"{prefix}-labels-idx1-ubyte.gz", np.zeros(count))
    size = [] if count > 100 else ["--batch-size", 1]
    assert_refused(call, tmp_path, "part_a", "--archives", archives, "--out", tmp_path / "runs", *size)
