"""The saturation experiment, small: what is measured is what its words say."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.saturation import (
    LOSSES,
    Curve,
    frozen_generators,
    measure,
    measured_iterations,
    orders_lost,
    saturation,
)
from gan_jax.config import Setting
from gan_jax.errors import UserError
from gan_jax.training import init_state, train_epoch

SETTING = Setting(batch_size=64)


def test_measured_iterations():
    points = measured_iterations(4000)
    assert points[0] == 0
    assert points[-1] == 4000
    assert (np.diff(points) > 0).all()
    assert 25 < len(points) < 50
    assert measured_iterations(1).tolist() == [0, 1]


def test_frozen_generators_are_part_as(mnist):
    images = jnp.asarray(mnist.train_images[:128])
    frozen = frozen_generators(images, [1, 2], SETTING, print)
    state = init_state(jax.random.key(0), SETTING)
    for epoch in (1, 2):
        state, _ = train_epoch(state, images, setting=SETTING, discriminator_steps=1)
        for ours, theirs in zip(jax.tree.leaves(frozen[epoch]), jax.tree.leaves(state.generator), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_generator_stays_frozen_and_its_gradient_falls_faster_under_the_saturating_loss(mnist):
    images = jnp.asarray(mnist.train_images[:512])
    generator = init_state(jax.random.key(0), SETTING).generator
    before = jax.tree.map(np.array, generator)
    curve = measure(generator, 0, images, np.array([0, 1, 100]), SETTING)
    for ours, theirs in zip(jax.tree.leaves(generator), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert all(np.isfinite(curve.norms[loss]).all() for loss in LOSSES)
    # A generator that was never trained is told apart in 100 steps; D = 1/2 at first, where both gradients agree.
    np.testing.assert_allclose(curve.norms["saturating"][0], curve.norms["non_saturating"][0], rtol=0.1)
    assert orders_lost(curve, "saturating") > orders_lost(curve, "non_saturating") + 1


def test_a_norm_of_zero_is_told_and_not_lost():
    curve = Curve(1, np.array([0, 1, 2]), {loss: np.array([1.0, 1e-30, 0.0]) for loss in LOSSES})
    assert orders_lost(curve, "saturating") == pytest.approx(30)
    json.dumps(orders_lost(curve, "saturating"), allow_nan=False)
    rising = Curve(1, np.array([0, 1, 2]), {loss: np.array([1.0, 10.0, 0.1]) for loss in LOSSES})
    assert orders_lost(rising, "saturating") == pytest.approx(2)
    dead = Curve(1, np.array([0]), {loss: np.array([0.0]) for loss in LOSSES})
    assert orders_lost(dead, "saturating") == 0


def test_what_is_written(mnist, tmp_path):
    small = mnist._replace(train_images=mnist.train_images[:128])
    lines: list[str] = []
    saturation(small, tmp_path, [1], 3, SETTING, lines.append)
    record = json.loads((tmp_path / "saturation.json").read_text())
    assert record["curves"][0]["iterations"] == [0, 1, 2, 3]
    assert (tmp_path / "saturation.png").stat().st_size > 5000
    assert lines[0] == "G: epoch 1/1"
    assert f"{record['curves'][0]['orders_lost']['saturating']:.1f} orders" in lines[1]


def test_fewer_images_than_a_batch_are_refused(mnist, tmp_path):
    """Where an epoch has no batch, G would be frozen untrained."""
    small = mnist._replace(train_images=mnist.train_images[:63])
    with pytest.raises(UserError, match="larger than the 63 training images"):
        saturation(small, tmp_path / "out", [1], 3, SETTING, print)
    assert not (tmp_path / "out").exists()
