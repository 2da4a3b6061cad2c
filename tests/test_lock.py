"""requirements.lock has one version of each package for every supported Python, and is installed."""

import hashlib
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from experiments.requirements import requirements
from gan_jax.runs import provenance

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("cuda", "tpu", "math", "report", "docs", "torch", "tensorboard", "notebook", "numeric", "test", "lint",
          "lock")  # fmt: skip
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
         "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip


def locked(python: str, micro: int = 1) -> dict[str, str]:
    """Return the version of each package for a Python on Linux."""
    found: dict[str, str] = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", " ")):
            continue
        each = Requirement(line)
        there = LINUX | {"python_version": python, "python_full_version": f"{python}.{micro}"}
        if each.marker is None or each.marker.evaluate(there):
            assert each.name not in found, f"{each.name} twice for Python {python}"
            [version] = each.specifier
            assert version.operator == "==", line
            found[canonicalize_name(each.name)] = version.version
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_one_matching_version(python):
    versions = locked(python)
    for line in requirements(*EXTRAS):
        each = Requirement(line)
        assert each.specifier.contains(versions[canonicalize_name(each.name)]), line


def test_the_newest_jax_of_each_python_is_locked():
    assert locked("3.11")["jax"] == "0.10.2"  # the last that supports Python 3.11
    assert all(tuple(map(int, locked(python)["jax"].split(".")[:2])) >= (0, 12) for python in PYTHONS[1:])


def test_no_registry_is_named():
    assert not re.search(r"https?:|--(?:extra-)?index|--find-links|@ ", LOCK.read_text(encoding="utf-8"))


def test_extras_of_extras_are_resolved():
    assert {"torch==2.13.0", "scikit-learn>=1.8", "pytest>=9"} <= set(requirements("test"))
    assert not [line for line in requirements(*EXTRAS) if line.startswith("gan_jax")]


@pytest.mark.skipif(provenance.lock_sha256() is None, reason="this environment was not made of requirements.lock")
def test_this_environment_matches_the_lock():
    major, minor, micro, *_ = sys.version_info
    versions = locked(
        f"{major}.{minor}", micro
    )  # the lock has two of a package for the first and last releases of 3.11
    here = {canonicalize_name(each.metadata["Name"]): each.version.partition("+")[0] for each in distributions()}
    common = here.keys() & versions.keys() - {"pip"}  # present before the installation
    assert {name: here[name] for name in common} == {name: versions[name] for name in common}
    assert {"jax", "flax", "optax", "numpy"} <= common


@pytest.mark.parametrize(("stamp", "known"), [("cpu locked 1 2\n", True), ("cpu newest 1 2\n", False), ("", False)])
def test_the_locks_digest_is_known_for_environments_made_from_it(tmp_path, monkeypatch, stamp, known):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if stamp:
        (tmp_path / "gan_jax-installed").write_text(stamp)
        (tmp_path / "requirements.lock").write_text("jax==1\n")
    expected = hashlib.sha256(b"jax==1\n").hexdigest() if known else None
    assert provenance.lock_sha256() == expected
