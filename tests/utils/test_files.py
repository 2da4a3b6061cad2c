"""Files appear whole or not at all."""

import json
from pathlib import Path

import pytest

from gan_jax.utils.files import atomic_path, write_json, write_text


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new, but not whole")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_replaces_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b.json"
    for value in ({"x": 1}, {"x": [0.1, "é"]}):
        write_json(path, value)
        assert json.loads(path.read_text("utf-8")) == value
    assert list(path.parent.iterdir()) == [path]


def test_no_number_that_json_does_not_know(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", float("nan"))
    assert not list(Path(tmp_path).iterdir())
