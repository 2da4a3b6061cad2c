"""Malformed run directories, given to compare, verify, sample and the command that would resume them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.malformed.refusal import assert_refused
from tests.malformed.run_files import CONFIGS, FOR_RESUMING, FOR_SAMPLE, FOR_VERIFY, MANIFESTS, METRICS, SAMPLES
from tests.malformed.run_folder import checkpointed, make_run

COMPARED = CONFIGS | MANIFESTS | METRICS | SAMPLES
VERIFIED = CONFIGS | MANIFESTS | FOR_VERIFY
SAMPLED = CONFIGS | MANIFESTS | FOR_SAMPLE
RESUMED = CONFIGS | MANIFESTS | METRICS | FOR_RESUMING


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return checkpointed(make_run(tmp_path_factory.mktemp("run") / "part_a"))


@pytest.fixture
def run(tmp_path, original) -> Path:
    """A copy of the run whose checkpoint, which no test here changes, is the original's."""
    copy = tmp_path / "runs" / "part_a"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("checkpoints"))
    shutil.copytree(original / "checkpoints", copy / "checkpoints", copy_function=os.link)
    return copy


@pytest.mark.parametrize("damage", COMPARED.values(), ids=COMPARED)
def test_compare_refuses(call, tmp_path, run, damage):
    damage(run)
    assert "part_a" in assert_refused(call, tmp_path, "compare", run, "--out", tmp_path / "runs")


@pytest.mark.parametrize("damage", VERIFIED.values(), ids=VERIFIED)
def test_verify_refuses(call, tmp_path, run, small_archives, damage):
    damage(run)
    assert_refused(call, tmp_path, "verify", run, "--archives", small_archives)


@pytest.mark.parametrize("damage", SAMPLED.values(), ids=SAMPLED)
def test_sample_refuses(call, tmp_path, run, damage):
    damage(run)
    assert "part_a" in assert_refused(call, tmp_path, "sample", run, "--out", tmp_path / "x.png")


@pytest.mark.parametrize("damage", RESUMED.values(), ids=RESUMED)
def test_resume_refuses(call, tmp_path, run, small_archives, damage):
    damage(run)
    options = ["--archives", small_archives, "--name", "part_a", "--epochs", 3, "--out", tmp_path / "runs"]
    assert_refused(call, tmp_path, "part_a", *options)


def test_the_undamaged_run_is_accepted(call, tmp_path, run):
    """Refusals above are therefore due to the damage."""
    assert call("compare", run, "--out", tmp_path / "out").returncode == 0
    assert call("sample", run, "--out", tmp_path / "x.png").returncode == 0
