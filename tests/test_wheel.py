"""`pip install` installs the library only, and nothing is ever written beside it."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
# One file of each kind that the library reads.
READ = (
    "gan_jax/data/archives/train-images-idx3-ubyte.gz",
    "gan_jax/data/archives/LICENSE",
    "gan_jax/evaluation/mnist_classifier.safetensors",
    "gan_jax/inference/weights/part_best/generator.safetensors.gz",
    "gan_jax/reports/static/charts.js",
    "gan_jax/reports/templates/page.html",
    "math_checks/derivations/ridge.typ",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built without a network, with the build tools among the tests' requirements."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet", "--wheel-dir", folder]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, ROOT], check=True)
    [built] = folder.iterdir()
    return built


def test_the_wheel_holds_the_library_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"gan_jax", "math_checks"}
    assert set(READ) <= set(names)
    code = {path.relative_to(ROOT).as_posix() for package in ("gan_jax", "math_checks")
            for path in (ROOT / package).rglob("*.py")}  # fmt: skip
    assert code == {name for name in names if name.endswith(".py")}
    assert not [name for name in names if "__pycache__" in name or "/results/" in name]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A separate environment with the wheel, which finds its dependencies in the tests' environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    [site] = folder.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet", wheel]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", *options], check=True
    )
    return folder


def python(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I ignores this checkout and PYTHONPATH; -B avoids Python's own compiled files.
    command = [installed / "bin" / "python", "-I", "-B", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


SAMPLES = """
import gan_jax, numpy
from gan_jax.runs.provenance import provenance
gan_jax.Config(name="mine", epochs=5, hparams=gan_jax.Hyperparameters(real_target=0.9))
numpy.save("images.npy", gan_jax.sample(count=4, seed=3))
print(gan_jax.__file__, provenance()["lock_sha256"], provenance()["git_commit"])
"""
TRAINING = """
few = gan_jax.ImageDataset(*(array[:600] for array in gan_jax.load_dataset("mnist")))
hparams = gan_jax.Hyperparameters(real_target=0.9, batch_size=64)
run = gan_jax.train(gan_jax.Config(name="mine", dataset="archives", epochs=1, hparams=hparams), few, progress=False)
gan_jax.evaluate(gan_jax.sample(run, count=100), few)
"""


@pytest.mark.parametrize("more", ["", pytest.param(TRAINING, marks=pytest.mark.slow)], ids=["samples", "training"])
def test_the_readmes_examples_work_and_write_nothing_beside_the_library(installed, tmp_path, more):
    before = {path: path.stat().st_mtime_ns for path in installed.rglob("*")}
    done = python(installed, tmp_path, "-c", SAMPLES + more)
    assert done.returncode == 0, done.stderr
    where, *unknown = done.stdout.split()
    assert Path(where).is_relative_to(installed)
    assert unknown == ["None", "None"]  # neither is known outside a checkout
    assert {path.name for path in tmp_path.iterdir()} == {"images.npy"} | ({"runs"} if more else set())
    assert np.load(tmp_path / "images.npy").shape == (4, 784)
    assert {path: path.stat().st_mtime_ns for path in installed.rglob("*")} == before


@pytest.mark.parametrize(("module", "message"), [("gan_jax", "./run.sh --help"), ("experiments", "No module named")])
def test_commands_need_the_checkout(installed, tmp_path, module, message):
    done = python(installed, tmp_path, "-m", module, "part_a")
    assert done.returncode != 0
    [line] = done.stderr.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())
