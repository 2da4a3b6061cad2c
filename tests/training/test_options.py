"""Effects of each further option on a step, compared in float64; options that are off change nothing."""

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.bench.roofline import products
from gan_jax.config import Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.losses import gradient_penalty
from gan_jax.losses.gradient_penalty import PENALTIES, zero_centered
from gan_jax.models import mlp, spectral_norm
from gan_jax.models.packing import pack
from gan_jax.training import train_step as steps
from gan_jax.training.apply_fns import discriminate
from gan_jax.training.instance_noise import add_instance_noise
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped
from gan_jax.training.train_step import discriminator_step, generator_step, unjitted_train_step
from tests.helpers.bits import assert_same_bits
from tests.helpers.narrow import (
    jitted_discriminator_step,
    jitted_generator_step,
    jitted_iterate,
    narrow_networks,
    narrow_state,
)

BATCH = 16
HPARAMS = Hyperparameters(batch_size=BATCH)
ROUND_OFF = 1e-14  # float64, absolute, for parameters and updates below 1


@pytest.fixture
def narrow(monkeypatch):
    narrow_networks(monkeypatch)
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def images(mnist) -> np.ndarray:
    return mnist.train_images[: 3 * BATCH].reshape(3, BATCH, -1)


def differences(after: Any, before: Any) -> np.ndarray:
    """Return the differences of all elements in one row."""
    return np.concatenate(
        [np.ravel(a - b) for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True)]
    )


def updates(hparams: Hyperparameters, images: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, np.ndarray, GanState]:
    """Return D's and then G's update from an initial state that does not depend on the options, and the final state."""
    state = narrow_state(hparams)._replace(epoch=jnp.int32(epoch))
    real = jnp.asarray(images[0] / 127.5 - 1)
    after_d, _ = jitted_discriminator_step(state, real, jnp.int32(0), hparams=hparams)
    after_g, _, _ = jitted_generator_step(state, real, hparams=hparams)
    left = state._replace(
        discriminator_optimizer=after_d.discriminator_optimizer, generator_optimizer=after_g.generator_optimizer
    )
    return (
        differences(after_d.discriminator, state.discriminator),
        differences(after_g.generator, state.generator),
        left,
    )


def test_the_ema_is_the_recursion_over_g_after_each_iteration(narrow, images):
    hparams = replace(HPARAMS, ema_decay=0.9)
    state = narrow_state(hparams)
    expected = jax.tree.map(np.asarray, state.generator)  # it starts at the initial G
    for batch in images:
        state, _ = jitted_iterate(state, jnp.asarray(batch), hparams=hparams, discriminator_steps=1)
        expected = jax.tree.map(lambda mean, new: 0.9 * mean + 0.1 * np.asarray(new), expected, state.generator)
    assert np.abs(differences(state.average, expected)).max() < ROUND_OFF
    assert np.abs(differences(state.average, state.generator)).max() > 1e-4  # a fraction of an iteration's 2e-4
    assert state.sampling_params is state.average


def test_the_ema_does_not_change_training(optimized_here, narrow, images):
    states = []
    for hparams in (HPARAMS, replace(HPARAMS, ema_decay=0.9)):
        step = jax.jit(unjitted_train_step, static_argnames=("hparams", "discriminator_steps"))  # compiled as for users
        state, _ = step(narrow_state(hparams), jnp.asarray(images[0]), hparams=hparams, discriminator_steps=1)
        states.append(state)
    assert_same_bits(states[0], states[1]._replace(average=None))
    assert states[0].sampling_params is states[0].generator


def test_learning_rates_decay_by_half_a_cosine(narrow, images):
    """Rates depend on completed epochs: full in the first, half at half-way, 0 from the last on."""
    constant, epochs = updates(HPARAMS, images)[:2], 8
    hparams = replace(HPARAMS, cosine_decay_epochs=epochs)
    for epoch in (0, 1, 4, 7, 8, 20):
        factor = (1 + math.cos(math.pi * epoch / epochs)) / 2 if epoch < epochs else 0
        for found, whole in zip(updates(hparams, images, epoch)[:2], constant, strict=True):
            np.testing.assert_allclose(found, factor * whole, rtol=0, atol=2e-4 * 1e-7)  # the factor is float32
            assert np.any(found) == (factor > 0)


def test_gs_learning_rate_and_adam_decays_act_on_g_only(narrow, images):
    d, g, left = updates(HPARAMS, images)
    own = dict(generator_learning_rate=6e-4, generator_adam_b1=0.5, generator_adam_b2=0.6)
    own_d, own_g, own_left = updates(replace(HPARAMS, **own), images)
    np.testing.assert_array_equal(own_d, d)
    assert_same_bits(own_left.discriminator_optimizer, left.discriminator_optimizer)
    np.testing.assert_allclose(own_g, 3 * g, rtol=0, atol=ROUND_OFF)  # Adam's first update is independent of decays
    for moment, ours, shared in (("mu", 1 - 0.5, 1 - 0.9), ("nu", 1 - 0.6, 1 - 0.999)):
        theirs, found = (jax.tree.leaves(optax.tree.get(each.generator_optimizer, moment)) for each in (left, own_left))
        for a, b in zip(found, theirs, strict=True):
            np.testing.assert_allclose(a, b * (ours / shared), rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("own", ["generator_learning_rate", "generator_adam_b1", "generator_adam_b2"])
def test_unset_options_of_g_default_to_ds(own):
    hparams = replace(Hyperparameters(learning_rate=1e-3, adam_b1=0.1, adam_b2=0.2), **{own: 0.5})
    shared = {"generator_learning_rate": 1e-3, "generator_adam_b1": 0.1, "generator_adam_b2": 0.2}
    assert hparams.generator_adam == tuple((shared | {own: 0.5}).values())


def test_instance_noise_has_the_requested_standard_deviation():
    """The tolerances for 400 000 independent numbers are five standard errors: 1 / sqrt(n), and 1 / sqrt(2 n)."""
    images = jnp.full((512, 784), 0.25)
    noise = (
        np.asarray(
            add_instance_noise(images, lambda: jax.random.key(0), Hyperparameters(instance_noise_std=0.3)) - images
        )
        / 0.3
    )
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)
    assert add_instance_noise(images, lambda: pytest.fail("a key is drawn"), Hyperparameters()) is images


def test_instance_noise_is_never_reused(narrow, images, monkeypatch):
    """Over two iterations with two steps of D, each draw of noise, in steps of D and of G, has its own key."""
    keys = []

    def noisy(images: jax.Array, key: Any, _: Hyperparameters) -> jax.Array:
        keys.append(tuple(np.asarray(jax.random.key_data(key())).tolist()))
        return images

    monkeypatch.setattr(steps, "add_instance_noise", noisy)
    hparams = replace(HPARAMS, instance_noise_std=0.1, dropout_rate=0.0)
    real = jnp.asarray(images[0] / 127.5 - 1)
    for iteration in (0, 1):
        state = narrow_state(hparams)._replace(iteration=jnp.int32(iteration))
        for inner in (0, 1):
            discriminator_step(state, real, jnp.int32(inner), hparams)
        generator_step(state, real, hparams)
    assert len(keys) == len(set(keys)) == 8


@pytest.mark.parametrize(("pack_size", "interleaved"), [(1, 2), (2, 1), (2, 2), (3, 2), (4, 1)])
def test_packs_never_mix_interleaved_images(pack_size, interleaved):
    """Each image holds its position in the batch; packs are interleaved as the images are, and in their order."""
    batch = 12 * interleaved
    places = jnp.broadcast_to(jnp.arange(batch)[:, None], (batch, 784))
    packed = np.asarray(pack(places, pack_size, interleaved)).reshape(-1, pack_size, 784)
    assert (packed == packed[:, :, :1]).all()  # pixels stay with their image
    for first in range(interleaved):
        expected = np.arange(first, batch, interleaved).reshape(-1, pack_size)
        np.testing.assert_array_equal(packed[first::interleaved, :, 0], expected)


def test_discriminate_returns_one_output_per_pack():
    """An incomplete pack has no output."""
    hparams = Hyperparameters(batch_size=3, pack_size=3)
    params = init_state(jax.random.key(0), hparams).discriminator
    images = jax.random.normal(jax.random.key(1), (8, 784))
    outputs = discriminate(params, images, hparams=hparams)
    alone = discriminate(params, images[3:6], hparams=hparams)
    assert outputs.shape == (2,)
    np.testing.assert_allclose(outputs[1:], alone, rtol=1e-5)  # float32 sums in another order


def test_an_incomplete_group_has_no_output():
    """Its standard deviation would be that of a group of another size."""
    hparams = Hyperparameters(batch_size=12, pack_size=2, minibatch_stddev=3)
    params = init_state(jax.random.key(0), hparams).discriminator
    images = jax.random.normal(jax.random.key(1), (17, 784))
    outputs = discriminate(params, images, hparams=hparams)
    assert outputs.shape == (6,)  # two groups of three pairs
    np.testing.assert_allclose(outputs[3:], discriminate(params, images[6:12], hparams=hparams), rtol=1e-5)  # as above


OPTIONAL = {
    gradient_penalty: ("_mixing_weights", "logits_and_squared_grad_norms"),
    mlp: ("minibatch_stddev",),
    spectral_norm: ("init_power_iteration", "normalize", "power_iteration_step"),
    steps: ("power_iteration_step",),
    jnp: ("cos",),
}


def lowered(hparams: Hyperparameters) -> str:
    """Return a step's program, newly traced."""
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), hparams))
    images = jax.ShapeDtypeStruct((hparams.batch_size, 784), jnp.uint8)
    return (
        jax.jit(lambda *given: unjitted_train_step(*given, hparams=hparams, discriminator_steps=1))
        .lower(state, images)
        .as_text()
    )


def test_options_that_are_off_add_nothing_to_the_program(monkeypatch):
    """The state does not grow, and part_a's step has the 34 products by which it is counted and timed."""
    named = Hyperparameters(generator_learning_rate=2e-4, generator_adam_b1=0.9, generator_adam_b2=0.999)
    for module, names in OPTIONAL.items():
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, name=name, **__: pytest.fail(f"{name} is called"))
    text = lowered(Hyperparameters())
    assert text.count("stablehlo.dot_general") == len(products(512)) == 34
    assert text == lowered(named)
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), Hyperparameters()))
    # Three hidden layers and the last, kernel and bias each, in two networks; two moments each and Adam's count; and
    # epoch, iteration and key.
    assert len(jax.tree.leaves(state)) == 2 * (8 + 2 * 8 + 1) + 3


@pytest.mark.parametrize(
    "option",
    [dict(r1=1.0), dict(r2=1.0), dict(gradient_penalty=1.0), dict(dragan=1.0), dict(minibatch_stddev=2),
     dict(spectral_norm=True), dict(cosine_decay_epochs=2)],
    ids=str,
)  # fmt: skip
def test_options_that_are_on_call_the_patched_functions(monkeypatch, option):
    """The test above can therefore fail."""
    for module, names in OPTIONAL.items():
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("called"))
    with pytest.raises(pytest.fail.Exception, match="called"):
        lowered(Hyperparameters(batch_size=BATCH, **option))


@pytest.mark.parametrize("option", [dict(r1=1.0), dict(r2=1.0)], ids=str)
def test_a_penalty_that_is_off_is_not_added(monkeypatch, option):
    """Even at weight 0 an infinite gradient norm would give NaN."""
    added = []
    for name in ("r1", "r2"):
        counted = PENALTIES[name]._replace(penalty=lambda norms: added.append(norms) or zero_centered(norms))
        monkeypatch.setitem(PENALTIES, name, counted)
    lowered(Hyperparameters(batch_size=BATCH, **option))
    assert len(added) == 1


EVERYTHING = Hyperparameters(
    batch_size=BATCH, loss="relativistic", ema_decay=0.9, r1=1.0, r2=1.0, gradient_penalty=1.0, dragan=1.0, pack_size=2,
    minibatch_stddev=4, instance_noise_std=0.1, cosine_decay_epochs=5, generator_learning_rate=1e-4,
    spectral_norm=True,
)  # fmt: skip


def test_vmapped_seeds_support_all_options(narrow, monkeypatch, images):
    """Vmapped seeds are close to seeds trained alone, whose states, including the EMA, are donated."""
    monkeypatch.setattr(steps, "to_unit_range", lambda images: images)  # float32's round-off depends on the program
    data = jnp.asarray(to_unit_range(images.reshape(-1, 784)), jnp.float64)
    options = dict(hparams=EVERYTHING, discriminator_steps=1)
    states, infos = train_epoch_vmapped((narrow_state(EVERYTHING, 0), narrow_state(EVERYTHING, 1)), data, **options)
    for seed, (state, info) in enumerate(zip(states, infos, strict=True)):
        given = narrow_state(EVERYTHING, seed)
        alone, its_info = train_epoch(given, data, **options)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given.average))
        # Sums in another order, in float64, through three of Adam's first updates, which divide by small gradients.
        for name, value in info._asdict().items():
            np.testing.assert_allclose(value, getattr(its_info, name), rtol=1e-9, err_msg=name)
        for ours, theirs in ((state.average, alone.average), (state.discriminator, alone.discriminator)):
            assert np.abs(differences(ours, theirs)).max() < 1e-9
        assert np.abs(differences(alone.average, alone.generator)).max() > 5e-5


@pytest.mark.parametrize("option", [dict(r1=1.0, r2=1.0), dict(gradient_penalty=1.0)], ids=str)
def test_a_penaltys_bfloat16_gradient_is_close_to_float32s(narrow, images, option):
    """Second derivatives of products are in bfloat16, too: 2**-9 in each factor, three layers both ways twice."""
    real = jnp.asarray(images[0] / 127.5 - 1, jnp.float32)
    means = []
    for precision in ("float32", "bfloat16"):
        hparams = replace(HPARAMS, precision=precision, dropout_rate=0.0, **option)
        with jax.enable_x64(False):
            state, _ = jitted_discriminator_step(narrow_state(hparams), real, jnp.int32(0), hparams=hparams)
        leaves = jax.tree.leaves(optax.tree.get(state.discriminator_optimizer, "mu"))
        means.append(np.concatenate([np.ravel(leaf) for leaf in leaves]))
    assert 0 < np.linalg.norm(means[0] - means[1]) < 16 * 2**-9 * np.linalg.norm(means[0])
