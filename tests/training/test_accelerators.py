"""Programs for GPUs and TPUs, which can be inspected without such a device."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from gan_jax.config import Hyperparameters
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped
from gan_jax.training.train_step import train_step
from tests.helpers.command import contents, run

BATCH = 16
BATCH_OF_IMAGES, IMAGES = (jax.ShapeDtypeStruct((count, 784), jnp.uint8) for count in (BATCH, 2 * BATCH))


def arguments(program, hparams: Hyperparameters) -> tuple:
    """Return shapes to trace a training program with."""
    state = jax.eval_shape(partial(init_state, hparams=hparams), jax.random.key(0))
    if program is train_epoch_vmapped:
        return (state, state), IMAGES
    return state, BATCH_OF_IMAGES if program is train_step else IMAGES


@pytest.mark.parametrize("program", [train_step, train_epoch, train_epoch_vmapped])
def test_gpu_programs_ask_for_deterministic_sums(program):
    """jax refuses compiler options of a program inside another program, and names them in the error."""
    hparams = Hyperparameters(batch_size=BATCH)
    with pytest.raises(ValueError, match=re.escape("compiler_options={'xla_gpu_deterministic_ops': True}")):
        jax.make_jaxpr(partial(program, hparams=hparams, discriminator_steps=1))(*arguments(program, hparams))


@pytest.mark.parametrize("program", [train_step, train_epoch, train_epoch_vmapped])
@pytest.mark.parametrize(
    ("precision", "operands", "asked"), [("float32", "f32", "HIGHEST"), ("bfloat16", "bf16", "DEFAULT")]
)
def test_products_have_the_configured_precision(program, precision, operands, asked):
    """Each product in the programs lowered for accelerators states the types of its operands and its sum.

    HIGHEST keeps a GPU from TensorFloat-32 and a TPU from bfloat16; for bfloat16 operands it means nothing.
    """
    hparams = Hyperparameters(batch_size=BATCH, precision=precision)
    traced = program.trace(*arguments(program, hparams), hparams=hparams, discriminator_steps=1)
    for platform in ("cuda", "tpu"):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
        # 4 layers of G and of D, forward in both steps (in G's, D on real and generated images separately), and
        # backward.
        assert len(products) >= 24
        for line in products:
            assert f"precision = [{asked}, {asked}]" in line
            types = re.search(r": \(tensor<[^>]*x(\w+)>, tensor<[^>]*x(\w+)>\) -> tensor<[^>]*x(\w+)>", line)
            assert types is not None
            assert types.groups() == (operands, operands, "f32")


@pytest.mark.parametrize("platform", [pytest.param("cuda", marks=pytest.mark.slow), "tpu"])
def test_a_missing_platform_is_one_line(tmp_path, platform):
    """The command runs in a separate process, since JAX starts its backends once."""
    done = run("train", "--platform", platform, "--batch-size", 60_001, "--out", tmp_path / "runs")
    if "the batch size 60001" in done.stderr:
        pytest.skip(f"there is a {platform} here")
    assert done.returncode == 2
    assert done.stderr.startswith(f"run.sh: error: platform {platform} is not available")
    assert done.stderr.count("\n") == 1
    assert not contents(tmp_path)
