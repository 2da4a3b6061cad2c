"""Data sets: canonical bytes, no TensorFlow, and untrusted archives."""

import gzip
import hashlib
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from gan_jax.data.datasets import ARCHIVES, load, load_archives
from gan_jax.data.idx import MAX_ITEMS, read_idx
from gan_jax.errors import UserError
from tests.conftest import write_idx

# MD5 of the archives as LeCun, Cortes and Burges published them; tensorflow-datasets registers the same.
CANONICAL = {
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
}


def test_packaged_archives_are_the_canonical_ones():
    for name, digest in CANONICAL.items():
        assert hashlib.sha256((ARCHIVES / name).read_bytes()).hexdigest() == digest


def test_mnist_by_name_equals_the_archives(cache, mnist):
    """The data set prepared as array_record in the cache equals the archives bit for bit."""
    loaded = load("mnist")
    assert list((cache / "gan_jax" / "datasets" / "mnist").rglob("*array_record*"))
    for ours, archived in zip(loaded, mnist, strict=True):
        np.testing.assert_array_equal(ours, archived)
    assert loaded.sha256() == mnist.sha256()
    assert loaded.train_images.shape == (60_000, 784)
    assert loaded.test_images.shape == (10_000, 784)
    # Class sizes as stated on the MNIST page.
    assert np.bincount(mnist.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_two_processes_prepare_an_empty_cache_at_once(tmp_path):
    """Both end with all the data."""
    command = [
        sys.executable,
        "-P",
        "-c",
        "from gan_jax.data.datasets import load; print(len(load('mnist').train_images))",
    ]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in started] == ["60000\n"] * 2


def test_different_data_have_different_digests(mnist):
    changed = mnist.test_labels.copy()
    changed[0] ^= 1
    assert mnist._replace(test_labels=changed).sha256() != mnist.sha256()


def test_tensorflow_is_never_imported():
    """The whole command line, with a data set prepared and loaded, in a fresh process."""
    code = (
        "import sys, experiments.cli; from gan_jax.data.datasets import load; load('mnist');"
        "sys.exit('tensorflow' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=300).returncode == 0


def test_a_missing_network_is_reported_at_once(monkeypatch, tmp_path):
    def unknown_host(*_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"no network: .* load_dataset\(Path\(directory\)\)"):
        load("kmnist")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_changed_archive_in_the_package_is_refused(monkeypatch, tmp_path):
    """The checksum fails, and nothing is prepared from it."""
    package = tmp_path / "archives"
    package.mkdir()
    for name in CANONICAL:
        content = bytearray((ARCHIVES / name).read_bytes())
        content[len(content) // 2] ^= 1
        (package / name).write_bytes(content)
    monkeypatch.setattr("gan_jax.data.datasets.ARCHIVES", package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="mnist"):
        load("mnist")
    monkeypatch.undo()


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="mnist, fashion_mnist, kmnist"):
        load("../mnist")


@given(st.integers(1, 5), st.data())
def test_idx_is_read_as_written(tmp_path_factory, count, data):
    values = np.array(data.draw(st.lists(st.integers(0, 255), min_size=count * 6, max_size=count * 6)), np.uint8)
    path = tmp_path_factory.mktemp("idx") / "x.gz"
    write_idx(path, values.reshape(count, 2, 3))
    np.testing.assert_array_equal(read_idx(path, (2, 3)), values.reshape(count, 2, 3))


GOOD = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 2, 3) + bytes(range(12))


def mutations() -> st.SearchStrategy[bytes]:
    """Generate near-archives: truncated, extended, bits flipped, header replaced, not compressed, or noise."""
    packed = gzip.compress(GOOD, 1, mtime=0)
    flipped = st.tuples(st.integers(0, len(packed) - 1), st.integers(0, 7)).map(
        lambda at: packed[: at[0]] + bytes([packed[at[0]] ^ (1 << at[1])]) + packed[at[0] + 1 :]
    )
    header = st.binary(min_size=16, max_size=16).map(lambda head: gzip.compress(head + GOOD[16:]))
    return st.one_of(
        st.integers(0, len(packed) - 1).map(lambda end: packed[:end]),
        st.integers(0, len(GOOD) - 1).map(lambda end: gzip.compress(GOOD[:end])),
        st.binary(min_size=1, max_size=8).map(lambda rest: gzip.compress(GOOD + rest)),
        flipped,
        header,
        st.just(GOOD),
        st.binary(max_size=64),
    )


@given(mutations())
def test_a_damaged_archive_is_refused_in_one_line(tmp_path_factory, content):
    """Either the content is read as intended, or a UserError names the file."""
    path = tmp_path_factory.mktemp("idx") / "x.gz"
    path.write_bytes(content)
    try:
        values = read_idx(path, (2, 3))
    except UserError as error:
        message = str(error)
    else:  # a flipped bit in gzip's own header leaves the content as it is
        np.testing.assert_array_equal(values, np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
        return
    assert "\n" not in message
    assert "x.gz" in message


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1, 2**32 - 1])
def test_an_absurd_count_is_refused_before_unpacking(tmp_path, count):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", count, 28, 28) + bytes(100)))
    with pytest.raises(UserError, match=f"{count} items"):
        read_idx(path, (28, 28))


def test_a_decompression_bomb_is_decompressed_no_further_than_its_header_declares(tmp_path):
    """A header of two images before 200 MB: refused after the first byte too many."""
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 28, 28) + bytes(200_000_000), 1))
    with pytest.raises(UserError, match="holds more"):
        read_idx(path, (28, 28))


@pytest.mark.parametrize("damage", ["missing", "folder", "counts", "shape"])
def test_inconsistent_archives_are_refused(tmp_path: Path, small_archives, damage):
    for path in small_archives.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    victim = tmp_path / "train-labels-idx1-ubyte.gz"
    victim.unlink()
    if damage == "folder":
        victim.mkdir()
    elif damage == "counts":
        write_idx(victim, np.zeros(5))
    elif damage == "shape":
        write_idx(victim, np.zeros((5, 5)))
    with pytest.raises(UserError, match="train"):
        load_archives(tmp_path)
