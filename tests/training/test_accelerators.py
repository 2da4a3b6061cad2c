"""What a GPU or TPU is told, which can be read from the programs without one."""

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
    """Shapes to trace a program of training with."""
    state = jax.eval_shape(partial(init_state, hparams=hparams), jax.random.key(0))
    if program is train_epoch_vmapped:
        return (state, state), IMAGES
    return state, BATCH_OF_IMAGES if program is train_step else IMAGES


@pytest.mark.parametrize("program", [train_step, train_epoch, train_epoch_vmapped])
def test_gpus_are_told_to_sum_in_one_order(program):
    """jax refuses a program with options of its own within another program, and names the options."""
    hparams = Hyperparameters(batch_size=BATCH)
    with pytest.raises(ValueError, match=re.escape("compiler_options={'xla_gpu_deterministic_ops': True}")):
        jax.make_jaxpr(partial(program, hparams=hparams, discriminator_steps=1))(*arguments(program, hparams))


@pytest.mark.parametrize("program", [train_step, train_epoch, train_epoch_vmapped])
@pytest.mark.parametrize(
    ("precision", "operands", "asked"), [("float32", "f32", "HIGHEST"), ("bfloat16", "bf16", "DEFAULT")]
)
def test_products_have_the_precision_that_the_setting_says(program, precision, operands, asked):
    """The programs are lowered for accelerators, and each product in them says what its operands and its sum are.

    HIGHEST keeps a GPU from TensorFloat-32 and a TPU from bfloat16; of operands in bfloat16 it would say nothing.
    """
    hparams = Hyperparameters(batch_size=BATCH, precision=precision)
    traced = program.trace(*arguments(program, hparams), hparams=hparams, discriminator_steps=1)
    for platform in ("cuda", "tpu"):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
        # 4 layers of G and of D, forward in both steps, D's on real and generated images apart in G's; and backward.
        assert len(products) >= 24
        for line in products:
            assert f"precision = [{asked}, {asked}]" in line
            types = re.search(r": \(tensor<[^>]*x(\w+)>, tensor<[^>]*x(\w+)>\) -> tensor<[^>]*x(\w+)>", line)
            assert types is not None
            assert types.groups() == (operands, operands, "f32")


@pytest.mark.parametrize("platform", [pytest.param("cuda", marks=pytest.mark.slow), "tpu"])
def test_a_platform_that_is_not_there_is_one_line(tmp_path, platform):
    """In a process of its own: JAX starts its backends once."""
    done = run("train", "--platform", platform, "--batch-size", 60_001, "--out", tmp_path / "runs")
    if "the batch size 60001" in done.stderr:
        pytest.skip(f"there is a {platform} here")
    assert done.returncode == 2
    assert done.stderr.startswith(f"run.sh: error: there is no {platform} here")
    assert done.stderr.count("\n") == 1
    assert not contents(tmp_path)
