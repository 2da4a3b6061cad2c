"""Slow imports are deferred until needed: help, mistakes and samples do without them."""

import json
import subprocess
import sys

import pytest

from tests.helpers.command import contents

HEAVY = {"jax", "jaxlib", "flax", "optax", "chex", "numpy", "scipy", "matplotlib", "PIL", "orbax", "tqdm", "torch",
         "tensorflow_datasets", "tensorstore", "safetensors", "sklearn", "jinja2", "typst"}  # fmt: skip
# In addition to jax and what its networks need.
OF_TRAINING = {"matplotlib", "orbax", "tensorflow_datasets", "tensorstore", "scipy.stats", "torch", "pandas"}

SCRIPT = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv[1:] = json.loads(sys.argv[1])
from experiments.cli import main
main()
"""


def imported(*arguments: object) -> tuple[int, set[str]]:
    """Run a command; return its exit code and the modules that it imported."""
    command = [sys.executable, "-P", "-c", SCRIPT, json.dumps(list(map(str, arguments)))]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["part_a", "--help"], 0),
        (["train", "--help"], 0),
        (["bench", "--help"], 0),
        (["part_z"], 2),
        (["part_a", "--epoch", "3"], 2),
        (["part_a", "--seeds", "0"], 2),
        (["part_best", "--learning-rate", "-1"], 2),
        (["train", "--loss", "squares"], 2),
        (["train", "--width-multiplier", "x"], 2),
        (["improvements", "--only", "hingle"], 2),
        (["torch_baseline", "part_z"], 2),
        (["part_a", "--num-processes", "2"], 2),
        (["sample", "--out", "digits.txt"], 2),
    ],
    ids=str,
)
def test_help_and_mistakes_import_no_numerical_library(arguments, code):
    ended, modules = imported(*arguments)
    assert ended == code
    assert not HEAVY & modules


def test_sampling_imports_nothing_for_training(tmp_path, cache):
    ended, modules = imported("sample", "--count", 4, "--out", tmp_path / "four.png")
    assert ended == 0
    assert "jax" in modules
    assert not OF_TRAINING & modules
    assert len(contents(tmp_path)) == 1
