"""Malformed tables for ridge regression, and malformed weights of the classifier and of generators."""

import contextlib
import json
import struct

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from safetensors.numpy import load_file, save

from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier
from gan_jax.evaluation.classifier import WEIGHTS
from gan_jax.inference.pretrained import load_generator, write_generator
from gan_jax.utils import safetensors_io
from math_checks.tables import read_table
from tests.malformed.refusal import assert_refused

GOOD = "a,b,y\n1,2,3\n2,1,5\n3,5,1\n4,4,2\n"
TABLES = {
    "empty": "",
    "blank lines": "\n\n\n",
    "binary": bytes(range(256)),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "UTF-16": GOOD.encode("utf-16"),
    "Latin-1": "a,é,y\n1,2,3\n2,1,5\n".encode("latin-1"),
    "NULs": bytes(1000),
    "NUL in a name": "a\0,b,y\n1,2,3\n2,1,5\n",
    "escape in a name": "\x1b[2J,b,y\n1,2,3\n2,1,5\n",
    "escape in a number": GOOD.replace("5", "\x1b[2J", 1),
    "cell without end": "a,b,y\n1,2," + "9" * 200_000 + "\n",
    "quote without end": 'a,"b,y\n1,2,3\n2,1,5\n',
    "quote in the middle": 'a,b,y\n1,"2"x,3\n2,1,5\n',
    "header alone": "a,b,y\n",
    "header missing": "1,2,3\n2,1,5\n3,5,1\n",
    "one row": "a,b,y\n1,2,3\n",
    "target only": "y\n1\n2\n3\n",
    "no such target": GOOD.replace("y", "z"),
    "target twice": GOOD.replace("b", "y"),
    "column twice": GOOD.replace("b", "a"),
    "column without a name": GOOD.replace("a", ""),
    "name of a space": GOOD.replace("a", " "),
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "cell too many": GOOD.replace("2,1,5", "2,1,5,7"),
    "cell too few": GOOD.replace("2,1,5", "2,1"),
    "cell empty": GOOD.replace("2,1,5", "2,,5"),
    "words": GOOD.replace("5", "many"),
    "not a number": GOOD.replace("5", "nan"),
    "infinite": GOOD.replace("5", "-inf"),
    "beyond float64": GOOD.replace("5", "1e999"),
    "beyond squaring": GOOD.replace("5", "1e200"),
    "below squaring": "a,b,y\n1e-200,2,3\n2e-200,1,5\n3e-200,5,1\n",
    "Python's underscore": GOOD.replace("5", "1_000"),
    "decimal comma": GOOD.replace("2,1,5", '2,"1,5",5'),
    "hexadecimal": GOOD.replace("5", "0x10"),
    "formula": GOOD.replace("5", "=1+1"),
    "column constant": "a,b,y\n1,7,3\n2,7,5\n3,7,1\n",
    "target constant": "a,b,y\n1,2,3\n2,1,3\n3,5,3\n",
    "column almost constant": "a,b,y\n1,1000000000,3\n2,1000000001,5\n3,1000000000,1\n",
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_refused(call, tmp_path, table):
    path = tmp_path / "table.csv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    assert_refused(call, tmp_path, "ridge", "--data", path, "--target", "y", "--out", tmp_path / "runs")


CELLS = st.text(alphabet="aby,;\n\r\t\"'0123456789.-e \0", max_size=80).map(str.encode)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), CELLS))
def test_no_table_gives_a_traceback(tmp_path_factory, content):
    """Reading gives numbers or raises a UserError."""
    path = tmp_path_factory.getbasetemp() / "generated.csv"
    path.write_bytes(b"a,y\n" + content)
    with contextlib.suppress(UserError):
        table = read_table(path, "y")
        assert np.isfinite(table.features).all()
        assert len(table.features) == len(table.targets) > 1


def header(text: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text


def tensor(**values: object) -> bytes:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | values
    return header(json.dumps({"features.bias": entry}).encode()) + bytes(4)


WHOLE = WEIGHTS.read_bytes()
WEIGHT_FILES = {
    "empty": b"",
    "text": b"no weights",
    "pickle": b"\x80\x04\x95" + bytes(100),
    "zip": b"PK\x03\x04" + bytes(100),
    "header of nothing": header(b""),
    "header too long": header(b"{}", 2**63),
    "header longer than the file": header(b"{}", 100),
    "header shorter than it is": header(WHOLE[8:100], 10),
    "header not JSON": header(b"{'a': 1}"),
    "header a list": header(b"[]"),
    "header deep": header(b'{"a":' * 50_000),
    "header not UTF-8": header(b"\xff\xfe"),
    "no tensors": header(b"{}"),
    "offsets backwards": tensor(data_offsets=[4, 0]),
    "offsets beyond the file": tensor(data_offsets=[0, 2**40]),
    "offsets negative": tensor(data_offsets=[-4, 0]),
    "shape beyond its offsets": tensor(shape=[2**40]),
    "shape that overflows": tensor(shape=[2**40, 2**40]),
    "shape negative": tensor(shape=[-1]),
    "type unknown": tensor(dtype="F31"),
    "type of eight bits": tensor(dtype="F8_E4M3", shape=[4]),
    "type of bfloat16": tensor(dtype="BF16", shape=[2]),
    "another network": tensor(),
    "metadata null": header(b'{"__metadata__": null}'),
    "metadata of numbers": header(b'{"__metadata__": {"description": 3}}'),
    "name with an escape": save({"\x1b[2J": np.zeros(1, np.float32)}),
    "a thousand names": save({f"layer {index}": np.zeros(1, np.float32) for index in range(1000)}),
    "cut short": WHOLE[:-1],
    "cut in half": WHOLE[: len(WHOLE) // 2],
    "rubbish after it": WHOLE + b"rubbish",
    "more than a classifier has": WHOLE + bytes(20 * 2**20),
}


@pytest.mark.parametrize("content", WEIGHT_FILES.values(), ids=WEIGHT_FILES)
def test_weights_are_refused(call, tmp_path, small_archives, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    options = ["--archives", small_archives, "--classifier", path, "--out", tmp_path / "runs"]
    assert "weights" in assert_refused(call, tmp_path, "part_a", *options)


@pytest.mark.parametrize("content", WEIGHT_FILES.values(), ids=WEIGHT_FILES)
def test_weights_of_a_generator_are_refused(call, tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    assert "weights" in assert_refused(call, tmp_path, "sample", path, "--out", tmp_path / "x.png")


DESCRIBED = load_generator()
CONFIG = DESCRIBED.config.to_json()


def description(**values: object) -> str:
    whole = {"config": CONFIG, "epoch": 1, "params_sha256": "0" * 64, "git_commit": None}
    return json.dumps(whole | values)


DESCRIPTIONS = {
    "none": None,
    "empty": "",
    "cut short": description()[:-1],
    "deep": "[" * 100_000,
    "deep inside": description(git_commit=json.loads("[" * 500 + "]" * 500)),
    "a list": "[1, 2]",
    "null": "null",
    "an empty object": "{}",
    "extra key": description(colour="red"),
    "epoch zero": description(epoch=0),
    "epoch a fraction": description(epoch=1.5),
    "epoch true": description(epoch=True),
    "epoch huge": description(epoch=10**30),
    "epoch with an escape": description(epoch="\x1b[2J"),
    "hash a number": description(params_sha256=0),
    "commit a list": description(git_commit=["c"]),
    "config null": description(config=None),
    "config of another width": description(config=CONFIG | {"setting": CONFIG["setting"] | {"width": 2}}),
    "config of a huge width": description(config=CONFIG | {"setting": CONFIG["setting"] | {"width": 10**9}}),
    "name with an escape": description(config=CONFIG | {"name": "\x1b[2J"}),
}


@pytest.fixture(scope="module")
def tensors(tmp_path_factory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("weights") / "shipped.safetensors"
    write_generator(path, DESCRIBED)
    return load_file(path)


@pytest.mark.parametrize("text", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_of_a_generator_is_refused(call, tmp_path, tensors, text):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(tensors, None if text is None else {"description": text}))
    assert "weights" in assert_refused(call, tmp_path, "sample", path, "--out", tmp_path / "x.png")


def test_the_undamaged_description_is_accepted(tmp_path, tensors):
    """Refusals above are therefore due to the defect."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(tensors, {"description": description()}))
    assert load_generator(path).epoch == 1


def test_weights_have_a_size_limit_for_reading_and_writing(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    write_generator(path, DESCRIBED)
    monkeypatch.setattr(safetensors_io, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(UserError, match="it has more than"):
        load_generator(path)
    with pytest.raises(UserError, match="more than the maximum"):
        write_generator(tmp_path / "y.safetensors", DESCRIBED)
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=50)
@given(st.integers(0, 1500), st.integers(0, 7))
def test_no_flipped_bit_of_the_header_gives_a_traceback(tmp_path_factory, place, bit):
    """The file is refused unless the flipped bit leaves the layout unchanged."""
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(WHOLE[:place] + bytes([WHOLE[place] ^ 1 << bit]) + WHOLE[place + 1 :])
    with contextlib.suppress(UserError):
        assert jax.tree.all(jax.tree.map(lambda leaf: jnp.isfinite(leaf).all(), load_classifier(path)))
