"""The saturation experiment on a small scale: what it measures, and what it reports."""

import json
from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.homework.parts import PART_A
from experiments.homework.saturation import (
    DISCRIMINATOR_SEED,
    ENDS,
    LOSSES,
    TINY,
    Curve,
    _train_discriminator,
    draw,
    frozen_generators,
    in_words,
    largest_drop,
    measure,
    measured_iterations,
    orders_changed,
    saturation,
)
from gan_jax.config import Hyperparameters
from gan_jax.errors import UserError
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

HPARAMS = Hyperparameters(batch_size=64)


def test_measured_iterations():
    points = measured_iterations(4000)
    assert points[0] == 0
    assert points[-1] == 4000
    assert (np.diff(points) > 0).all()
    assert 25 < len(points) < 50
    assert measured_iterations(1).tolist() == [0, 1]


def test_frozen_generators_equal_part_as(mnist):
    images = jnp.asarray(mnist.train_images[:128])
    frozen = frozen_generators(images, [1, 2], HPARAMS, print)
    state = init_state(jax.random.key(0), HPARAMS)
    for epoch in (1, 2):
        state, _ = train_epoch(state, images, hparams=HPARAMS, discriminator_steps=1)
        for ours, theirs in zip(jax.tree.leaves(frozen[epoch]), jax.tree.leaves(state.generator), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_generator_stays_frozen_while_the_discriminator_learns(mnist):
    images = jnp.asarray(mnist.train_images[:128])
    state = init_state(jax.random.key(0), HPARAMS)
    trained = _train_discriminator(state, images, jnp.int32(5), HPARAMS)
    for ours, theirs in zip(jax.tree.leaves(trained.generator), jax.tree.leaves(state.generator), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert trained.generator_optimizer[0].count == 0
    assert trained.discriminator_optimizer[0].count == 5
    for ours, theirs in zip(jax.tree.leaves(trained.discriminator), jax.tree.leaves(state.discriminator), strict=True):
        assert (ours != theirs).any()


def test_the_gradient_falls_faster_under_the_saturating_loss(mnist):
    images = jnp.asarray(mnist.train_images[:512])
    generator = init_state(jax.random.key(0), HPARAMS).generator
    norms = measure(generator, 0, images, np.array([0, 1, 100]), HPARAMS).norms
    assert all(np.isfinite(norms[loss]).all() for loss in LOSSES)
    # D separates an untrained generator in 100 steps; at first D = 1/2, where both gradients agree.
    np.testing.assert_allclose(norms["saturating"][0], norms["non_saturating"][0], rtol=0.1)
    saturating, other = (orders_changed(norms[loss]) for loss in LOSSES)
    assert saturating is not None
    assert other is not None
    assert saturating < other - 1


def test_the_change_is_signed_and_averages_its_ends():
    growing = np.array([1.0, 10.0, 0.1, 5.0, 10.0, 1000.0, 100.0])
    assert ENDS == 3
    assert orders_changed(growing) == pytest.approx(2)
    assert orders_changed(growing[::-1]) == pytest.approx(-2)
    assert orders_changed(np.array([1.0, 5.0, 100.0])) == pytest.approx(2)  # fewer points than both ends take
    assert orders_changed(np.array([3.0])) == 0


def test_the_largest_drop_may_end_at_any_later_point():
    assert largest_drop(np.array([1.0, 10.0, 0.1])) == pytest.approx(2)
    assert largest_drop(np.array([1.0, 1e-5, 10.0])) == pytest.approx(5)  # though the maximum comes later
    assert largest_drop(np.array([1.0, 2.0, 3.0])) == 0


def test_a_norm_of_zero_bounds_the_change():
    vanishing, dead, born = np.array([1.0, 1e-30, 0.0]), np.zeros(4), np.array([0.0, 1.0])
    assert orders_changed(vanishing) == largest_drop(vanishing) * -1 == pytest.approx(np.log10(TINY))
    assert orders_changed(dead) is orders_changed(born) is None
    assert largest_drop(dead) == largest_drop(born) == 0


@pytest.mark.parametrize(
    ("norms", "words"),
    [
        ([1.0, 1e-5], "falls by 5.0 orders of magnitude (largest drop 5.0)"),
        ([1.0, 0.1, 1000.0], "grows by 3.0 orders of magnitude (largest drop 1.0)"),
        ([1.0, 0.0], "falls by at least 37.9 orders of magnitude (largest drop at least 37.9)"),
        ([*([1e-37] * 3), 1.0, 1.0, 0.0], "grows by at most 24.4 orders of magnitude (largest drop at least 37.9)"),
        ([1.0, 1.0, 0.0, 10.0, 10.0], "grows by 1.0 orders of magnitude (largest drop at least 37.9)"),
        ([0.0, 0.0], "starts at 0"),
    ],
)
def test_changes_are_described_in_words(norms, words):
    assert in_words(np.array(norms)) == words


def test_both_panels_have_the_same_limits():
    """A norm of 0 is not drawn and does not affect them."""
    points = np.array([0, 1, 10, 100])
    norms = {"saturating": np.array([1.0, 0.1, 0.0, 0.0]), "non_saturating": np.array([1.0, 2.0, 3.0, 4.0])}
    figure = Figure()
    draw([Curve(1, points, norms)], figure)
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    assert left.get_xlim()[1] > 100


def test_files_are_written(mnist, tmp_path):
    small = mnist._replace(train_images=mnist.train_images[:128])
    lines: list[str] = []
    saturation(small, "mnist", tmp_path, [1], 3, HPARAMS, lines.append)
    record = json.loads((tmp_path / "saturation.json").read_text())
    assert record["dataset"] == "mnist"
    assert record["provenance"]["data_sha256"] == small.sha256()
    assert record["setting"] == asdict(HPARAMS)
    assert (record["seed"], record["seed_of_discriminators"]) == (PART_A.config.seed, DISCRIMINATOR_SEED)
    [curve] = record["curves"]
    assert curve["iterations"] == [0, 1, 2, 3]
    for loss in LOSSES:
        norms = np.array(curve["gradient_norm"][loss])
        assert curve["orders_changed"][loss] == orders_changed(norms)
        assert curve["greatest_fall"][loss] == largest_drop(norms)
        assert in_words(norms) in lines[1]
    assert (tmp_path / "saturation.png").stat().st_size > 5000
    assert lines[0] == "G: epoch 1/1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saturation.json", "saturation.png"]


def test_an_unwritable_directory_is_reported_before_training(mnist, tmp_path):
    (tmp_path / "file").touch()
    lines: list[str] = []
    with pytest.raises(OSError, match="file"):
        saturation(mnist, "mnist", tmp_path / "file" / "out", [1], 3, HPARAMS, lines.append)
    assert not lines


def test_two_sources_of_images_are_refused(call, tmp_path, small_archives):
    done = call("saturation", "--dataset", "kmnist", "--archives", small_archives, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr == "run.sh: error: give --dataset or --archives, not both\n"
    assert not (tmp_path / "runs").exists()


def test_fewer_images_than_a_batch_are_refused(mnist, tmp_path):
    """An epoch without a batch would leave G untrained when it is frozen."""
    small = mnist._replace(train_images=mnist.train_images[:63])
    with pytest.raises(UserError, match="larger than the 63 training images"):
        saturation(small, "mnist", tmp_path / "out", [1], 3, HPARAMS, print)
    assert not (tmp_path / "out").exists()
