"""Nothing that takes seconds is imported before it is needed: for help, for mistakes, for samples."""

import json
import subprocess
import sys

import pytest

from tests.helpers.command import contents

HEAVY = {"jax", "jaxlib", "flax", "optax", "chex", "numpy", "scipy", "matplotlib", "PIL", "orbax", "tqdm", "torch",
         "tensorflow_datasets", "tensorstore", "safetensors", "sklearn", "jinja2", "typst"}  # fmt: skip
# Besides jax and what its networks are made of.
OF_TRAINING = {"matplotlib", "orbax", "tensorflow_datasets", "tensorstore", "scipy.stats", "torch", "pandas"}

SCRIPT = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv[1:] = json.loads(sys.argv[1])
from experiments.cli import main
main()
"""


def imported(*arguments: object) -> tuple[int, set[str]]:
    """Run a command; return its exit code and the modules that it has imported."""
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
def test_help_and_mistakes_need_no_library_that_computes(arguments, code):
    ended, modules = imported(*arguments)
    assert ended == code
    assert not HEAVY & modules


def test_samples_need_nothing_of_what_trains(tmp_path, cache):
    ended, modules = imported("sample", "--count", 4, "--out", tmp_path / "four.png")
    assert ended == 0
    assert "jax" in modules
    assert not OF_TRAINING & modules
    assert len(contents(tmp_path)) == 1
