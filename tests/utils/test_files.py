"""Files appear completely or not at all."""

import json
from pathlib import Path

import pytest

from gan_jax.utils.files import atomic_path, write_json, write_text


def test_a_failed_write_leaves_the_old_file(tmp_path):
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


def test_a_write_replaces_the_file_and_makes_directories(tmp_path):
    path = tmp_path / "a" / "b.json"
    for value in ({"x": 1}, {"x": [0.1, "é"]}):
        write_json(path, value)
        assert json.loads(path.read_text("utf-8")) == value
    assert list(path.parent.iterdir()) == [path]


def test_numbers_outside_json_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", float("nan"))
    assert not list(Path(tmp_path).iterdir())
