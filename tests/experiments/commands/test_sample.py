"""`./run.sh sample`, `interpolate` and `export`: files that can be read back, and mistakes that write none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.commands import sample
from gan_jax.config import Config, Hyperparameters
from gan_jax.data.pixels import to_bytes
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.sampling import interpolate_images, sample_images
from gan_jax.training.apply_fns import generate
from tests.helpers.command import contents
from tests.inference.test_pretrained import make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A directory with one run per precision."""
    folder = tmp_path_factory.mktemp("runs")
    for precision in ("float32", "bfloat16"):
        make_run(folder / precision, Config(name=precision, hparams=Hyperparameters(precision=precision)), (1,))
    return folder


def cell(image: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return one digit of a grid, uint8 (784,)."""
    top, left = 2 + 30 * row, 2 + 30 * column
    return image[top : top + 28, left : left + 28].ravel()


def test_samples_without_any_run(call, tmp_path):
    out = [tmp_path / name for name in ("a.png", "b.png", "c.png", "deeper/d.png")]
    for path, seed, count in zip(out, (3, 3, 4, 3), (10, 10, 10, 64), strict=True):
        done = call("sample", "--count", count, "--seed", seed, "--out", path)
        assert done.returncode == 0, done.stderr
        assert f"{path}: {count} samples of part_best after epoch 100" in done.stdout
    assert out[0].read_bytes() == out[1].read_bytes() != out[2].read_bytes()
    image = np.asarray(Image.open(out[0]))
    assert image.shape == (3 * 30 + 2, 4 * 30 + 2)
    expected = to_bytes(np.asarray(sample_images(load_generator(), 10, 3)))
    for index in range(10):
        np.testing.assert_array_equal(cell(image, *divmod(index, 4)), expected[index])
    assert (cell(image, 2, 2) == cell(image, 2, 3)).all()  # empty cells


def test_samples_of_a_run_by_folder_name_and_file(call, tmp_path, runs, monkeypatch):
    monkeypatch.setattr(sample, "DEFAULT_OUT", runs)
    weights = tmp_path / "weights.safetensors"
    assert call("export", "bfloat16", "--out", weights).returncode == 0
    for run, name in ((runs / "bfloat16", "folder"), ("bfloat16", "name"), (weights, "file")):
        done = call("sample", run, "--out", tmp_path / f"{name}.png")
        assert done.returncode == 0, done.stderr
        assert "64 samples of bfloat16 after epoch 1" in done.stdout
    assert (tmp_path / "folder.png").read_bytes() == (tmp_path / "name.png").read_bytes()


def test_interpolation(call, tmp_path):
    for name in ("a.png", "b.png", "a.gif", "b.gif"):
        done = call("interpolate", "--rows", 3, "--steps", 5, "--seed", 1, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    for ending in ("png", "gif"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    expected = to_bytes(np.asarray(interpolate_images(load_generator(), 3, 5, 1)))
    image = np.asarray(Image.open(tmp_path / "a.png"))
    assert image.shape == (3 * 30 + 2, 5 * 30 + 2)
    with Image.open(tmp_path / "a.gif") as animation:
        assert getattr(animation, "n_frames", 1) == 5 + 3  # there and back, each end shown once
        assert animation.size == (2 * 30 + 2, 2 * 30 + 2)
        frames = []
        for index in range(8):
            animation.seek(index)
            frames.append(np.asarray(animation.convert("L")).astype(int))
    for row, step in np.ndindex(3, 5):
        np.testing.assert_array_equal(cell(image, row, step), expected[row, step])
        # An animation has 16 grays.
        assert np.abs(cell(frames[step], *divmod(row, 2)) - expected[row, step]).mean() < 10
    np.testing.assert_array_equal(frames[5], frames[3])
    np.testing.assert_array_equal(frames[7], frames[1])


BAD = {  # more in tests/malformed/test_flags.py
    "folder as a file": ["sample", "--out", "{}/folder.png"],
    "file as a folder": ["sample", "--out", "{}/file/x.png"],
    "ways into a folder": ["interpolate", "--out", "{}/folder.png"],
    "no file": ["export"],
    "program into a folder": ["export", "--out", "{}/folder.png"],
    "weights into a file's inside": ["export", "--out", "{}/file/x.safetensors"],
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_a_mistake_is_one_line_and_writes_nothing(call, tmp_path, arguments):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("mine")
    before = contents(tmp_path)
    done = call(*(argument.format(tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("run.sh: error: ")
    assert done.stderr.count("\n") == 1
    assert contents(tmp_path) == before


ELSEWHERE = """
import sys
for name in ("gan_jax", "experiments", "flax", "optax"):
    sys.modules[name] = None  # whoever imports it fails
from pathlib import Path
import jax, numpy as np
for path in map(Path, sys.argv[1:]):
    program = jax.export.deserialize(path.read_bytes())
    for count in (1, 64):
        latents = np.load(path.with_suffix(".npy"))[:count]
        np.save(path.with_suffix(f".{count}.npy"), program.call(latents))
    print(list(program.platforms), [str(each) for each in program.in_avals + program.out_avals])
"""


def test_an_exported_program_runs_without_gan_jax(call, tmp_path, runs):
    """The same operations, compiled with the weights as constants: equal images except for the order of sums."""
    latents = np.asarray(np.random.default_rng(0).normal(size=(64, 128)), np.float32)
    programs = [tmp_path / "float32.stablehlo", tmp_path / "bfloat16.stablehlo"]
    for path in programs:
        assert call("export", runs / path.stem, "--out", path).returncode == 0
        np.save(path.with_suffix(".npy"), latents)
    done = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE, *map(str, programs)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    signature = "['cpu', 'cuda', 'tpu'] ['float32[batch,128]', 'float32[batch,784]']"
    assert done.stdout.splitlines() == [signature, signature]
    for path in programs:
        generator = load_generator(runs / path.stem)
        for count in (1, 64):
            images = np.load(path.with_suffix(f".{count}.npy"))
            assert images.dtype == np.float32
            expected = generate(generator.params, latents[:count], hparams=generator.hparams)
            np.testing.assert_allclose(images, expected, atol=1e-5)


def test_an_exported_program_is_no_run_to_sample(call, tmp_path):
    program = tmp_path / "g.bin"
    assert call("export", "--out", program).returncode == 0
    done = call("sample", program, "--out", tmp_path / "x.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "export --out FILE.safetensors" in done.stderr
    assert "jax.export.deserialize" in done.stderr
    assert not (tmp_path / "x.png").exists()


def test_export_says_what_to_write(call, tmp_path):
    done = call("export")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "export needs the file to write: --out generator.safetensors for the weights" in done.stderr


def test_a_directory_that_is_created_is_named(call, tmp_path):
    path = tmp_path / "new" / "x.png"
    first, second = (call("sample", "--count", 1, "--out", path).stdout for _ in range(2))
    assert f"created the directory {path.parent}" in first
    assert "created" not in second
