"""The torch baseline as a program: the files of its runs, and what they refuse."""

from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from experiments.commands.torch import run_prefix
from experiments.torch_baseline import (
    Gan,
    make_discriminator,
    make_generator,
    params_sha256,
    train_epoch,
    train_step,
)
from gan_jax.config import Hyperparameters
from gan_jax.runs.run_dir import RunDir
from gan_jax.types import Precision
from tests.helpers.command import contents, run


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_archives):
    """A directory with an epoch of part_b by torch and by gan_jax, and the options for its place and data."""
    out = tmp_path_factory.mktemp("runs")
    options = ["--archives", small_archives, "--out", out]
    for command in (["torch_baseline", "part_b"], ["part_b"]):
        done = run(*command, *options, "--epochs", 1)
        assert done.returncode == 0, done.stderr
    return out, options


def test_a_run_has_the_files_of_ours_except_checkpoints(runs):
    out, _ = runs
    theirs, ours = RunDir(out / "torch-part_b-archives"), RunDir(out / "part_b-archives")
    names = {path.name for path in ours.path.iterdir()} - {"checkpoints"}
    assert {path.name for path in theirs.path.iterdir()} == names
    header = [(folder.path / "metrics.csv").read_text().splitlines()[0] for folder in (theirs, ours)]
    assert header[0] == header[1]
    assert all(np.isfinite(column).all() for column in theirs.read_metrics().values())
    config, other = theirs.read_config(), ours.read_config()
    assert config is not None
    assert other is not None
    assert config.hparams == other.hparams
    manifest = theirs.read_manifest()
    assert (manifest["trainer"], ours.read_manifest()["trainer"]) == ("torch", "jax")
    assert manifest["versions"]["torch"] == torch.__version__
    assert manifest["data_sha256"] == ours.read_manifest()["data_sha256"]
    assert len(manifest["params_sha256"]) == 64


def test_runs_are_compared_with_ours(runs, tmp_path):
    out, _ = runs
    done = run("compare", out / "part_b-archives", out / "torch-part_b-archives", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "torch-part_b-archives" in (tmp_path / "comparison" / "comparison.md").read_text()
    assert (tmp_path / "comparison" / "comparison.png").stat().st_size > 10_000


def test_no_run_is_overwritten(runs, call):
    """Finished, resumable and other runs' directories are refused, and every file stays as it was."""
    out, options = runs
    before = contents(out)
    one = ["--epochs", 1]
    again = call("torch_baseline", "part_b", *options, *one)
    assert again.returncode == 0
    assert "is already finished (1 epoch)" in again.stdout
    for command, message in (
        (["torch_baseline", "part_b", *options, "--epochs", 2], "torch cannot resume it"),
        (["torch_baseline", "part_b", *options, *one, "--learning-rate", 1], "a different configuration"),
        (["torch_baseline", "part_b", *options, *one, "--name", "part_b-archives"], "was trained by jax"),
        (["part_b", *options, *one, "--name", "torch-part_b-archives"], "was trained by torch"),
        (["torch_baseline", "part_z", *options], "unknown part 'part_z'"),
        (["torch_baseline", "part_b", *options, "--autocast", "--precision", "float32"], "--autocast means bfloat16"),
        (["torch_baseline", "part_b", *options, "--precision", "tensorfloat32", "--name", "tf32"], "needs an NVIDIA"),
        (["part_b", *options, "--precision", "tensorfloat32", "--name", "tf32"], "use float32 or bfloat16"),
    ):
        done = call(*command)
        assert done.returncode == 2, done
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert contents(out) == before


def test_each_precision_and_compilation_has_a_separate_directory():
    ways = [(precision, compiled) for precision in (None, *get_args(Precision)) for compiled in (False, True)]
    names = {way: run_prefix(*way) for way in ways}
    assert names["float32", True] == names[None, True]  # the default
    assert len(set(names.values())) == len(ways) - 2


def narrow_epoch(seed: int, hparams: Hyperparameters) -> tuple[str, dict[str, np.ndarray]]:
    torch.manual_seed(seed)
    gan = Gan(hparams, make_generator([16]), make_discriminator(hparams.dropout_rate, [16]))
    images = torch.rand(70, 784) * 2 - 1
    infos = train_epoch(gan, images, 2)
    return params_sha256(gan), infos


def test_a_run_is_a_function_of_its_seed():
    hparams = Hyperparameters(batch_size=32)
    (first, infos), (second, _), (other, _) = (narrow_epoch(seed, hparams) for seed in (0, 0, 1))
    assert first == second
    assert first != other
    assert all(values.shape == (2,) for values in infos.values())  # two batches of 32 and a remainder


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # dynamo's own look at it
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_functions_are_compiled_and_agree(monkeypatch, precision):
    """Count dynamo's graphs: G with and without gradient, and D. Its C++ is not compiled, which would be slow."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    counters.clear()
    torch.manual_seed(0)
    gan = Gan(Hyperparameters(batch_size=8, precision=precision), make_generator([16]), make_discriminator(0.3, [16]))
    before = params_sha256(gan)
    gan.compile()
    assert params_sha256(gan) == before
    train_step(gan, torch.rand(8, 784) * 2 - 1, torch.randn(2, 8, 128))
    assert params_sha256(gan) != before
    assert counters["stats"]["unique_graphs"] >= 3
    assert not counters["graph_break"]


def test_autocast_keeps_losses_and_parameters_in_float32():
    torch.manual_seed(0)
    hparams = Hyperparameters(batch_size=32, precision="bfloat16", dropout_rate=0.0)
    gan = Gan(hparams, make_generator([16]), make_discriminator(0.0, [16]))
    latents = torch.randn(32, 128)
    images = gan.generate(latents)
    assert images.dtype == gan.discriminate(images).dtype == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in gan.discriminator.parameters())
    exact = Gan(Hyperparameters(dropout_rate=0.0), gan.generator, gan.discriminator)
    difference = (exact.generate(latents) - images).abs().max()
    assert 0 < difference < 8 * 2**-8  # eight bits, through two layers with values of about 1
