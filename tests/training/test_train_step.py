"""A training step and an epoch: their effects, and which results are bitwise equal."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.config import Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.training import train_step as steps
from gan_jax.training.apply_fns import sample_latents
from gan_jax.training.diagnostics import StepInfo, gradient_norm
from gan_jax.training.prng import Stream, stream_key
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_epoch import epoch_permutation, train_epoch
from gan_jax.training.train_step import discriminator_step, generator_step, train_step
from tests.helpers.bits import assert_same_bits, changed
from tests.helpers.narrow import jitted_discriminator_step, jitted_iterate, narrow_state, networks

pytestmark = pytest.mark.usefixtures("narrow_runs")

HPARAMS = Hyperparameters(batch_size=64)


@pytest.fixture(scope="module")
def images(mnist) -> jax.Array:
    return jnp.asarray(mnist.train_images[:200])  # three batches of 64 and a remainder of 8


def fresh(seed: int = 0, hparams: Hyperparameters = HPARAMS) -> GanState:
    return init_state(jax.random.key(seed), hparams)


def test_an_epoch_keeps_structure_types_and_counts(images):
    state, infos = train_epoch(fresh(), images, hparams=HPARAMS, discriminator_steps=3)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, fresh())
    chex.assert_shape(infos, (3,))
    assert (int(state.epoch), int(state.iteration)) == (1, 3)
    # Adam's counts: three iterations of three discriminator steps and one generator step each.
    assert int(state.discriminator_optimizer[0].count) == 9
    assert int(state.generator_optimizer[0].count) == 3
    chex.assert_tree_all_finite((state.generator, state.discriminator))


def test_each_step_leaves_the_other_network_alone(images):
    state, batch = fresh(), to_unit_range(images[:64])
    after_d, _ = jax.jit(discriminator_step, static_argnums=3)(state, batch, jnp.int32(0), HPARAMS)
    assert_same_bits((after_d.generator, after_d.generator_optimizer), (state.generator, state.generator_optimizer))
    assert all(changed(after_d.discriminator, state.discriminator))
    after_g, _, _ = jax.jit(generator_step, static_argnums=2)(state, batch, HPARAMS)
    assert_same_bits(
        (after_g.discriminator, after_g.discriminator_optimizer), (state.discriminator, state.discriminator_optimizer)
    )
    assert all(changed(after_g.generator, state.generator))


@pytest.mark.numeric
def test_k_steps_of_d_use_the_same_images_with_fresh_latents(images, monkeypatch):
    """Float64, where different programs agree up to round-off: in float32, units near LeakyReLU's kink may flip."""
    monkeypatch.setattr(steps, "to_unit_range", lambda images: images)
    with jax.enable_x64(True):
        state, batch = narrow_state(HPARAMS), jnp.asarray(to_unit_range(images[:64]), jnp.float64)
        expected, losses = state, []
        for inner in range(3):
            expected, info = jitted_discriminator_step(expected, batch, jnp.int32(inner), hparams=HPARAMS)
            losses.append(info.discriminator_loss)
        assert len(set(map(float, losses))) == 3
        after, info = jitted_iterate(state, batch, hparams=HPARAMS, discriminator_steps=3)
    # 1e-16 an operation in gradients that make an update of 2e-4: see test_step_by_hand.
    chex.assert_trees_all_close(after.discriminator, expected.discriminator, rtol=0, atol=1e-12)
    np.testing.assert_allclose(info.discriminator_loss, np.mean(losses), rtol=1e-12)


def test_seeds_differ_in_weights_order_and_noise():
    a, b = fresh(0), fresh(1)
    assert all(changed((a.generator, a.discriminator), (b.generator, b.discriminator)))
    assert not np.array_equal(sample_latents(a.key, Stream.SAMPLES, 4), sample_latents(b.key, Stream.SAMPLES, 4))
    orders = [epoch_permutation(state.key, jnp.int32(0), 100, 10) for state in (a, b)]
    assert not np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize(("size", "batch_size"), [(200, 64), (64, 64), (60_000, 512), (7, 2)])
def test_an_epoch_visits_each_image_at_most_once_in_a_fresh_order(size, batch_size):
    key = jax.random.key(3)
    first, second = (np.asarray(epoch_permutation(key, jnp.int32(epoch), size, batch_size)) for epoch in (0, 1))
    for order in (first, second):
        assert order.shape == (size // batch_size, batch_size)
        assert len(np.unique(order)) == order.size
        assert order.min() >= 0
        assert order.max() < size
    assert not np.array_equal(first, second)


def test_one_compilation_per_number_of_discriminator_steps(images):
    """Epochs, states and equal hyperparameters made anew need no new compilation, nor do states from elsewhere."""
    jitted: Any = train_epoch  # the wrapper's type has no cache
    jitted.clear_cache()
    state = fresh()
    for inner_steps in (1, 2, 1, 1, 2):
        hparams = Hyperparameters(batch_size=64)
        state, _ = train_epoch(state, images, hparams=hparams, discriminator_steps=inner_steps)
    assert jitted._cache_size() == 2


def test_the_program_does_not_contain_the_images(images):
    text = train_epoch.lower(fresh(), images, hparams=HPARAMS, discriminator_steps=1).as_text()
    assert len(text) < 1_000_000


def test_an_epochs_state_is_donated(images):
    state = fresh()
    train_epoch(state, images, hparams=HPARAMS, discriminator_steps=1)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves((state.generator, state.discriminator_optimizer)))


@pytest.mark.numeric
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e-25, 1e15])
def test_gradient_norm_at_any_scale(scale):
    """The reference is float64; a plain sum of squares gives 0 from about 1e-23 down, and inf from 1e19 up."""
    tree = {"a": scale * jax.random.normal(jax.random.key(0), (50, 40)), "b": scale * jnp.ones(7)}
    expected = np.sqrt(sum(np.sum(np.asarray(leaf, np.float64) ** 2) for leaf in tree.values()))
    np.testing.assert_allclose(gradient_norm(tree), expected, rtol=1e-5)  # 2007 float32 squares, summed in any order


def test_gradient_norm_of_nothing_is_zero():
    assert gradient_norm({"a": jnp.zeros(5)}) == 0


@pytest.mark.numeric
def test_metrics_of_a_step_by_hand(images):
    """Without dropout, D's metrics follow from its logits on the step's batch, which the keys reproduce."""
    hparams = Hyperparameters(batch_size=64, dropout_rate=0.0)
    state = fresh(hparams=hparams)
    _, info = train_step(state, images[:64], hparams=hparams, discriminator_steps=1)
    generator, discriminator = networks(hparams)
    latents = jax.random.normal(stream_key(state.key, Stream.DISCRIMINATOR_LATENTS, 0, 0), (64, 128))
    real, fake = (
        np.asarray(discriminator.apply(state.discriminator, batch), np.float64)
        for batch in (to_unit_range(images[:64]), generator.apply(state.generator, latents))
    )
    expected = {
        "real_probability": np.mean(1 / (1 + np.exp(-real))),
        "fake_probability": np.mean(1 / (1 + np.exp(-fake))),
        "discriminator_accuracy": (np.mean(real > 0) + np.mean(fake < 0)) / 2,
        "discriminator_loss": np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(info, name), value, rtol=2e-5)  # float32 through four layers
    assert set(StepInfo._fields) >= set(expected)


def test_mismatched_shapes_raise(images):
    with pytest.raises((TypeError, ValueError)):
        train_step(fresh(), images[:64, :700], hparams=HPARAMS, discriminator_steps=1)
