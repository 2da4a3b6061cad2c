"""Bad input of every kind: one line that says what to do, exit code 2, and no file touched."""

import gzip
import subprocess
from pathlib import Path

import pytest

from experiments.parts import PARTS
from tests.command import Done, contents, run

ROOT = Path(__file__).parent.parent

BAD = {
    "unknown part": ["part_z"],
    "unknown option": ["part_a", "--epoch", "3"],
    "no number": ["part_a", "--epochs", "many"],
    "negative epochs": ["part_a", "--epochs", "-1"],
    "no epochs": ["part_a", "--epochs", "0"],
    "fraction": ["part_a", "--epochs", "1.5"],
    "negative seed": ["part_a", "--seed", "-1"],
    "unknown data": ["part_a", "--dataset", "cifar10"],
    "no archives": ["part_a", "--archives", "/nonexistent"],
    "batch of none": ["part_a", "--batch-size", "0"],
    "batch too large": ["part_a", "--batch-size", "60001"],
    "learning rate": ["part_a", "--learning-rate", "nan"],
    "precision": ["part_a", "--precision", "float8"],
    "name that climbs": ["part_a", "--name", "../x"],
    "empty name": ["part_a", "--name", ""],
    "schedule": ["train", "--discriminator-steps", "1: 4"],
    "loss": ["train", "--loss", "mse"],
    "target": ["train", "--real-target", "1.5"],
    "dropout": ["train", "--dropout-rate", "1"],
    "dropout that rounds to 1": ["train", "--dropout-rate", "0.999995"],
    "width": ["train", "--width", "0"],
    "no classifier": ["part_a", "--classifier", "/nonexistent"],
    "one name for six": ["part_c", "--name", "x"],
    "one name for eight": ["all", "--name", "x"],
    "comparison that climbs": ["compare", "/nonexistent", "--name", "../x"],
    "comparison of nothing": ["compare", "/nonexistent"],
    "study": ["bench", "speed"],
    "repeats": ["bench", "--repeats", "0"],
    "seeds without end": ["part_a", "--seeds", "100000"],
    "seed twice": ["part_a", "--seeds", "3,3"],
    "seed and seeds": ["part_a", "--seeds", "3", "--seed", "1"],
    "name of a summary too long": ["part_a", "--seeds", ",".join(map(str, range(0, 200, 2)))],
    "iterations": ["saturation", "--iterations", "0"],
    "checkpoints": ["part_b", "--checkpoint-every", "0"],
    "samples": ["part_b", "--samples-every", "-2"],
    "folder that cannot be": ["part_a", "--out", "/proc/nowhere"],
    "value missing": ["part_a", "--epochs"],
    "argument too many": ["part_a", "extra", "words"],
}


def assert_one_line(done: Done) -> None:
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("run.sh: error: ")


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_a_mistake_is_one_line_and_exit_2(call, tmp_path, arguments):
    command, *rest = arguments
    out = [] if command == "part_z" or "--out" in rest else ["--out", tmp_path / "runs"]
    assert_one_line(call(command, *out, *rest))  # in this order: the value that is missing must stay the last
    assert not contents(tmp_path)


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    """No library adds a line of its own to what the user sees."""
    done = run("part_a", "--batch-size", 60_001, "--out", tmp_path / "runs")
    assert_one_line(Done(done.returncode, done.stdout, done.stderr))
    assert not contents(tmp_path)


def test_a_folder_with_something_else_is_left_alone(call, tmp_path):
    (tmp_path / "part_a").mkdir()
    (tmp_path / "part_a" / "thesis.txt").write_text("years of work")
    before = contents(tmp_path)
    for extra in ([], ["--overwrite"]):
        done = call("part_a", "--out", tmp_path, *extra)
        assert_one_line(done)
        assert "not a run's folder" in done.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"name": "x"}', b"[" * 100_000])
def test_a_damaged_config_is_told(call, tmp_path, content):
    (tmp_path / "part_a").mkdir()
    (tmp_path / "part_a" / "config.json").write_bytes(content)
    before = contents(tmp_path)
    assert_one_line(call("part_a", "--out", tmp_path))
    assert contents(tmp_path) == before


def test_a_corrupt_archive_is_named(call, tmp_path, small_archives):
    for path in small_archives.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    victim = tmp_path / "t10k-images-idx3-ubyte.gz"
    victim.write_bytes(gzip.compress(b"no digits"))
    before = contents(tmp_path)
    done = call("part_a", "--archives", tmp_path, "--out", tmp_path / "runs")
    assert_one_line(done)
    assert victim.name in done.stderr
    assert contents(tmp_path) == before


COMMANDS = (
    *PARTS, "part_c", "all", "train", "compare", "saturation", "bench", "torch_baseline", "ridge",
    "change_of_variables", "verify", "sample", "interpolate", "export",
)  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help(call, arguments):
    """Under the names that README and SPEC give."""
    done = call(*arguments)
    assert done.returncode == 0
    assert "Usage: ./run.sh" in done.stdout


class TestRunScript:
    """run.sh itself, on a PATH with nothing but what a test puts there and the shell's own tools."""

    def start(self, tools: Path, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        for name in ("bash", "env", "cat", "cksum", "dirname", "readlink", "grep", "head", "rm", "flock"):
            (tools / name).symlink_to(subprocess.check_output(["bash", "-c", f"type -P {name}"], text=True).strip())
        return subprocess.run(
            ["bash", script, *arguments], env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60
        )

    @pytest.fixture
    def clone(self, tmp_path) -> Path:
        """The script and the metadata in a folder with a space in its name."""
        folder = tmp_path / "a folder"
        folder.mkdir()
        for name in ("run.sh", "pyproject.toml"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        return folder

    @pytest.mark.parametrize(
        ("driver", "choice"),
        [
            (None, "jax on the CPU"),
            ("echo 'GPU 0: NVIDIA H100 (UUID: GPU-0)'", "jax[cuda12]"),
            ("echo 'NVIDIA-SMI has failed' >&2; exit 9", "jax on the CPU"),
        ],
    )
    def test_choice_of_jax(self, tmp_path, clone, driver, choice):
        tools = tmp_path / "tools"
        tools.mkdir()
        if driver is not None:
            (tools / "nvidia-smi").write_text(f"#!/usr/bin/env bash\n{driver}\n")
            (tools / "nvidia-smi").chmod(0o755)
        done = self.start(tools, clone / "run.sh", "part_a")
        assert choice in done.stderr
        # No Python on that PATH: told as a mistake with its remedy, and nothing is made.
        assert done.returncode == 2
        assert "Python 3.11 or newer is needed" in done.stderr
        assert not (clone / ".venv").exists()

    @pytest.mark.parametrize(
        ("arguments", "extras"),
        [
            (["part_a", "--epochs", "3"], None),
            (["part_a", "--tensorboard"], "tensorboard"),
            (["torch_baseline", "part_a", "--tensorboard"], "torch,tensorboard"),
            (["part_a", "--tensorboard", "--help"], None),
            (["sample"], None),
        ],
    )
    def test_choice_of_extras(self, tmp_path, clone, arguments, extras):
        """In an environment that is there already, whose Python only notes what it is asked for."""
        tools = tmp_path / "tools"
        tools.mkdir()
        python = clone / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/usr/bin/env bash\necho "$@" >>"${0%/*}/asked"\n')
        python.chmod(0o755)
        checksum = subprocess.check_output(["cksum"], input=(clone / "pyproject.toml").read_text(), text=True).strip()
        (clone / ".venv" / "gan_jax-installed").write_text(f"cpu {checksum}\n")
        assert self.start(tools, clone / "run.sh", *arguments).returncode == 0
        *installed, started = (python.parent / "asked").read_text().splitlines()
        assert started.split() == ["-P", "-m", "experiments", *arguments]
        assert [line.partition("[")[2].rstrip("]") for line in installed] == ([extras] if extras else [])
