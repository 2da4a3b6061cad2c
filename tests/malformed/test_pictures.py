"""Damaged pictures of the mathematical checks and of a run's samples, given to the report."""

import struct
import zlib

import pytest

from experiments.homework.report import SHIPPED
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import Damage, make_run


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_of_size(side: int) -> bytes:
    """Return a picture whose header alone claims this size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


PICTURES: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-2000]),
    "of its header alone": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "zeros within": lambda path: path.write_bytes(path.read_bytes()[:200] + bytes(500) + path.read_bytes()[700:]),
    "20000 pixels wide": lambda path: path.write_bytes(png_of_size(20_000)),
    "5000 pixels wide": lambda path: path.write_bytes(png_of_size(5_000)),
    "a bomb of text": lambda path: path.write_bytes(
        path.read_bytes()[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27))) + path.read_bytes()[33:]
    ),
    "another format": lambda path: path.write_bytes(b"GIF89a" + bytes(100)),
}


@pytest.fixture(scope="module")
def checks() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (SHIPPED / "ridge").iterdir()}


@pytest.mark.parametrize("damage", PICTURES.values(), ids=PICTURES)
def test_report_refuses_a_picture(call, tmp_path, checks, damage):
    """The refusal precedes all writing, and an earlier report is kept."""
    (tmp_path / "ridge").mkdir()
    for name, content in checks.items():
        (tmp_path / "ridge" / name).write_bytes(content)
    for name in ("report.html", "homework.pdf", "homework.zip"):
        (tmp_path / name).write_bytes(b"an earlier one")
    damage(tmp_path / "ridge" / "coefficient_paths.png")
    options = ["--out", tmp_path / "report.html", "--pdf", "--zip"]
    assert "coefficient_paths.png" in assert_refused(call, tmp_path, "report", tmp_path / "ridge", *options)


@pytest.mark.parametrize("damage", PICTURES.values(), ids=PICTURES)
def test_report_refuses_samples(call, tmp_path, damage):
    run = make_run(tmp_path / "part_a")
    sample = run / "samples" / "epoch_002.png"
    sample.write_bytes((SHIPPED / "part_a" / "samples" / "epoch_001.png").read_bytes())
    damage(sample)
    assert "epoch_002.png" in assert_refused(call, tmp_path, "report", run, "--out", tmp_path / "report.html", "--pdf")
