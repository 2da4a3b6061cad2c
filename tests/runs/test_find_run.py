"""Runs by path or name, and one message for those that are missing."""

import re

import pytest

from gan_jax.errors import UserError
from gan_jax.runs.find_run import MOST_NAMED, find_run


@pytest.fixture
def out(tmp_path):
    for name in ("part_a", "part_b", *(f"other-{number}" for number in range(9))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
    (tmp_path / "part_z").mkdir()  # no run
    return tmp_path


def test_a_path_or_a_name(out, monkeypatch):
    assert find_run(out / "part_a") == find_run(out.joinpath("part_a").relative_to(out), out) == out / "part_a"


def test_a_missing_run_is_told_with_the_nearest_of_the_existing(out):
    with pytest.raises(UserError) as error:
        find_run(out / "part_d")
    assert str(error.value).startswith(f"there is no run part_d in {out}: it holds part_")
    named = re.findall(r"(?:part|other)[-_]\w", str(error.value).partition("it holds")[2])
    assert len(named) == MOST_NAMED
    assert set(named[:2]) == {"part_a", "part_b"}
    assert str(error.value).endswith(" and 6 more")


def test_a_directory_without_runs(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match=f"there is no run x in {folder}: it holds no runs"):
            find_run(folder / "x")


@pytest.mark.parametrize("command", ["compare", "report", "verify", "sample", "export", "interpolate"])
def test_every_command_has_the_same_words(call, tmp_path, command):
    out = {"compare": tmp_path, "verify": tmp_path, "report": tmp_path / "x.html"}.get(command, tmp_path / "x.png")
    done = call(command, tmp_path / "absent", "--out", out)
    assert (done.returncode, done.stderr) == (
        2,
        f"run.sh: error: there is no run absent in {tmp_path}: it holds no runs\n",
    )
