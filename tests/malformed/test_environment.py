"""Invalid environment variables: those that matter are refused in one line, the others are ignored."""

import os
import subprocess
from pathlib import Path

import pytest

from gan_jax.errors import UserError
from gan_jax.utils.cache import private_cache_folder
from tests.helpers.command import Done, contents, run
from tests.malformed.refusal import assert_refusal, assert_refused

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "experiments" / "results"

REFUSED = {
    "cache in a file": {"XDG_CACHE_HOME": "/etc/passwd"},
    "cache in an impossible place": {"XDG_CACHE_HOME": "/proc/nowhere"},
    "cache with a long part": {"XDG_CACHE_HOME": "/" + "x" * 300},
    "cache in a device": {"XDG_CACHE_HOME": "/dev/null"},
    "no home": {"XDG_CACHE_HOME": "", "HOME": ""},
    "home that is relative": {"XDG_CACHE_HOME": "relative", "HOME": "."},
    "home in a file": {"XDG_CACHE_HOME": "", "HOME": "/etc/passwd"},
    "flag that XLA does not know": {"XLA_FLAGS": "--xla_nonsense=1"},
    "flag of another kind": {"XLA_FLAGS": "--xla_cpu_enable_fast_math=perhaps"},
    "flags in a file that is not there": {"XLA_FLAGS": "/nonexistent"},
}
# Variables read before the command line is, each in a separate process.
REFUSED_AT_THE_START = {
    "unknown platform": {"JAX_PLATFORMS": "nonsense"},
    "invalid boolean": {"JAX_ENABLE_X64": "maybe"},
}
PASSED_BY = {
    "COLUMNS": "-\N{SNOWMAN}",
    "LINES": "1e9",
    "TERM": "nonsense",
    "MPLBACKEND": "nonsense",
    "MPLCONFIGDIR": "/dev/null/x",
    "LANG": "nonsense",
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "SLURM_JOB_ID": "nonsense",
    "SLURM_NTASKS": "-1",
    "TMPDIR": "/nonexistent",
    "NO_COLOR": "perhaps",
}


@pytest.mark.parametrize("variables", REFUSED.values(), ids=REFUSED)
def test_a_variable_is_refused(call, tmp_path, monkeypatch, small_archives, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert_refused(call, tmp_path, "part_a", "--archives", small_archives, "--out", tmp_path / "runs")


@pytest.mark.parametrize("variables", REFUSED_AT_THE_START.values(), ids=REFUSED_AT_THE_START)
def test_a_variable_is_refused_at_the_start(tmp_path, small_archives, variables):
    done = run("part_a", "--archives", small_archives, "--out", tmp_path / "runs", **variables)
    assert_refusal(Done(done.returncode, done.stdout, done.stderr))
    assert not contents(tmp_path)


@pytest.mark.skipif(not (RESULTS / "part_a").is_dir(), reason="the archive to hand in has no results")
def test_irrelevant_variables_are_ignored(tmp_path):
    """All are set at once; the table's characters outside ASCII are escaped."""
    done = run("compare", RESULTS / "part_a", RESULTS / "part_b", "--out", tmp_path / "runs", **PASSED_BY)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Fr\\xe9chet" in done.stdout


@pytest.mark.parametrize("python", ["nonsense", "/nonexistent/python", "/etc/passwd", "/bin/false", "/"])
def test_a_missing_python_is_refused(tmp_path, python):
    """Without an environment yet, run.sh does not silently replace the named Python by another."""
    for name in ("run.sh", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        ["bash", tmp_path / "run.sh", "part_a"], env=os.environ | {"PYTHON": python}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("run.sh: error: ")
    assert "PYTHON" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_cache_is_private_to_its_owner(tmp_path, monkeypatch):
    """The cache holds compiled programs, which are executed unchecked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert private_cache_folder().stat().st_mode & 0o777 == 0o700
    (tmp_path / "gan_jax").chmod(0o777)
    assert private_cache_folder().stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UserError, match="belongs to another user"):
        private_cache_folder()
