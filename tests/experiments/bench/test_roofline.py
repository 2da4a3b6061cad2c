"""The roofline's counts are those of the program, and its arithmetic is that of the page on scaling."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from experiments.bench.roofline import H100, MACHINES, V5E, as_markdown, parameters, predict, products
from gan_jax.config import Hyperparameters
from gan_jax.models.flops import flops
from gan_jax.training.state import init_state
from gan_jax.training.train_step import train_step
from tests.helpers.command import contents

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


def test_counted_products_and_parameters_are_those_of_the_program():
    hparams = Hyperparameters()
    state = jax.eval_shape(partial(init_state, hparams=hparams), jax.random.key(0))
    images = jax.ShapeDtypeStruct((hparams.batch_size, 784), jnp.uint8)
    text = train_step.trace(state, images, hparams=hparams, discriminator_steps=1).lower().as_text()
    assert text.count("stablehlo.dot_general") == len(products(512))
    assert sum(2 * n * k * m for n, k, m in products(512)) == flops(512).iteration(1)
    assert parameters() == sum(leaf.size for leaf in jax.tree.leaves((state.generator, state.discriminator)))


def test_a_prediction_by_hand():
    """The page's example: eight H100 in bfloat16."""
    found = predict(H100.of(8), "bfloat16")
    assert found.operations == pytest.approx(16.38e9 / 8 / 990e12, rel=1e-3)
    assert found.launches == pytest.approx(34 * 3 * 2e-6)
    assert found.all_reduces == pytest.approx(2 * 7 / 8 * 2_953_745 * 4 / 450e9 + 20e-6)
    assert found.least == found.launches + found.all_reduces
    assert predict(V5E, "float32").operations == pytest.approx(6 * predict(V5E, "bfloat16").operations)
    assert all(predict(machine.of(1), "float32").all_reduces == 0 for machine in MACHINES)


def test_the_page_holds_what_the_command_prints(call, tmp_path):
    assert as_markdown() in PAGE.read_text(encoding="utf-8")
    done = call("bench", "roofline", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bench" / "roofline.md").read_text(encoding="utf-8") == as_markdown()
    assert len(contents(tmp_path)) == 2  # the directory and the table in it
    assert f"8 {H100.name}" in done.stdout
