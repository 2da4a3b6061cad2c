"""What each of a setting's further options does to a step, in float64 where it is compared; and that off is off."""

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
    initial,
    jitted_discriminator_step,
    jitted_generator_step,
    jitted_iterate,
    narrow_networks,
)

BATCH = 16
SETTING = Hyperparameters(batch_size=BATCH)
ROUND_OFF = 1e-14  # of float64, absolute, in parameters and updates below 1


@pytest.fixture
def narrow(monkeypatch):
    narrow_networks(monkeypatch)
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def images(mnist) -> np.ndarray:
    return mnist.train_images[: 3 * BATCH].reshape(3, BATCH, -1)


def differences(after: Any, before: Any) -> np.ndarray:
    """All elements' in one row."""
    return np.concatenate(
        [np.ravel(a - b) for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True)]
    )


def updates(hparams: Hyperparameters, images: np.ndarray, epoch: int = 0) -> tuple[np.ndarray, np.ndarray, GanState]:
    """How D and then G move in a step each, from the same state whatever the setting; and the state that they leave."""
    state = initial(hparams)._replace(epoch=jnp.int32(epoch))
    real = jnp.asarray(images[0] / 127.5 - 1)
    of_d, _ = jitted_discriminator_step(state, real, jnp.int32(0), hparams=hparams)
    of_g, _, _ = jitted_generator_step(state, real, hparams=hparams)
    left = state._replace(
        discriminator_optimizer=of_d.discriminator_optimizer, generator_optimizer=of_g.generator_optimizer
    )
    return differences(of_d.discriminator, state.discriminator), differences(of_g.generator, state.generator), left


def test_an_average_is_the_recursion_over_what_g_is_after_each_iteration(narrow, images):
    hparams = replace(SETTING, ema_decay=0.9)
    state = initial(hparams)
    expected = jax.tree.map(np.asarray, state.generator)  # it starts at the first G
    for batch in images:
        state, _ = jitted_iterate(state, jnp.asarray(batch), hparams=hparams, discriminator_steps=1)
        expected = jax.tree.map(lambda mean, new: 0.9 * mean + 0.1 * np.asarray(new), expected, state.generator)
    assert np.abs(differences(state.average, expected)).max() < ROUND_OFF
    assert np.abs(differences(state.average, state.generator)).max() > 1e-4  # some of an iteration's 2e-4
    assert state.sampling_params is state.average


def test_an_average_changes_nothing_that_is_trained(optimized_here, narrow, images):
    states = []
    for hparams in (SETTING, replace(SETTING, ema_decay=0.9)):
        step = jax.jit(unjitted_train_step, static_argnames=("hparams", "discriminator_steps"))  # as users have it
        state, _ = step(initial(hparams), jnp.asarray(images[0]), hparams=hparams, discriminator_steps=1)
        states.append(state)
    assert_same_bits(states[0], states[1]._replace(average=None))
    assert states[0].sampling_params is states[0].generator


def test_the_learning_rates_fall_in_half_a_cosine(narrow, images):
    """By epochs that are completed: all of it in the first, a half half-way, nothing from the last on."""
    constant, epochs = updates(SETTING, images)[:2], 8
    hparams = replace(SETTING, cosine_decay_epochs=epochs)
    for epoch in (0, 1, 4, 7, 8, 20):
        factor = (1 + math.cos(math.pi * epoch / epochs)) / 2 if epoch < epochs else 0
        for found, whole in zip(updates(hparams, images, epoch)[:2], constant, strict=True):
            np.testing.assert_allclose(found, factor * whole, rtol=0, atol=2e-4 * 1e-7)  # the factor is of float32
            assert np.any(found) == (factor > 0)


def test_gs_own_learning_rate_and_decays_act_on_g_alone(narrow, images):
    d, g, left = updates(SETTING, images)
    own = dict(generator_learning_rate=6e-4, generator_adam_b1=0.5, generator_adam_b2=0.6)
    own_d, own_g, own_left = updates(replace(SETTING, **own), images)
    np.testing.assert_array_equal(own_d, d)
    assert_same_bits(own_left.discriminator_optimizer, left.discriminator_optimizer)
    np.testing.assert_allclose(own_g, 3 * g, rtol=0, atol=ROUND_OFF)  # Adam's first update knows no decay
    for moment, ours, shared in (("mu", 1 - 0.5, 1 - 0.9), ("nu", 1 - 0.6, 1 - 0.999)):
        theirs, found = (jax.tree.leaves(optax.tree.get(each.generator_optimizer, moment)) for each in (left, own_left))
        for a, b in zip(found, theirs, strict=True):
            np.testing.assert_allclose(a, b * (ours / shared), rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("alone", ["generator_learning_rate", "generator_adam_b1", "generator_adam_b2"])
def test_what_g_is_not_given_is_ds(alone):
    hparams = replace(Hyperparameters(learning_rate=1e-3, adam_b1=0.1, adam_b2=0.2), **{alone: 0.5})
    shared = {"generator_learning_rate": 1e-3, "generator_adam_b1": 0.1, "generator_adam_b2": 0.2}
    assert hparams.generator_adam == tuple((shared | {alone: 0.5}).values())


def test_noise_has_the_deviation_that_is_asked_for():
    """Of 400 000 independent numbers: five deviations of their mean, 1 / sqrt(n), and of theirs, 1 / sqrt(2 n)."""
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


def test_no_noise_is_drawn_twice(narrow, images, monkeypatch):
    """In two iterations with two steps of D, for D's images and for both kinds of G's."""
    keys = []

    def noisy(images: jax.Array, key: Any, _: Hyperparameters) -> jax.Array:
        keys.append(tuple(np.asarray(jax.random.key_data(key())).tolist()))
        return images

    monkeypatch.setattr(steps, "add_instance_noise", noisy)
    hparams = replace(SETTING, instance_noise_std=0.1, dropout_rate=0.0)
    real = jnp.asarray(images[0] / 127.5 - 1)
    for iteration in (0, 1):
        state = initial(hparams)._replace(iteration=jnp.int32(iteration))
        for inner in (0, 1):
            discriminator_step(state, real, jnp.int32(inner), hparams)
        generator_step(state, real, hparams)
    assert len(keys) == len(set(keys)) == 8


@pytest.mark.parametrize(("packing", "kinds"), [(1, 2), (2, 1), (2, 2), (3, 2), (4, 1)])
def test_no_image_of_one_kind_is_in_a_pack_of_another(packing, kinds):
    """Images that are their place in the batch, whose kinds take turns: the packs do, too, in the images' order."""
    batch = 12 * kinds
    places = jnp.broadcast_to(jnp.arange(batch)[:, None], (batch, 784))
    packed = np.asarray(pack(places, packing, kinds)).reshape(-1, packing, 784)
    assert (packed == packed[:, :, :1]).all()  # pixels stay with their image
    for kind in range(kinds):
        expected = np.arange(kind, batch, kinds).reshape(-1, packing)
        np.testing.assert_array_equal(packed[kind::kinds, :, 0], expected)


def test_a_verdict_is_of_a_pack():
    """What does not fill one has none."""
    hparams = Hyperparameters(batch_size=3, pack_size=3)
    params = init_state(jax.random.key(0), hparams).discriminator
    images = jax.random.normal(jax.random.key(1), (8, 784))
    verdicts = discriminate(params, images, hparams=hparams)
    alone = discriminate(params, images[3:6], hparams=hparams)
    assert verdicts.shape == (2,)
    np.testing.assert_allclose(verdicts[1:], alone, rtol=1e-5)  # float32 sums in another order


def test_what_fills_no_group_has_no_verdict():
    """Its images would be told of the deviation of a group of another size."""
    hparams = Hyperparameters(batch_size=12, pack_size=2, minibatch_stddev=3)
    params = init_state(jax.random.key(0), hparams).discriminator
    images = jax.random.normal(jax.random.key(1), (17, 784))
    verdicts = discriminate(params, images, hparams=hparams)
    assert verdicts.shape == (6,)  # of two groups of three pairs
    np.testing.assert_allclose(verdicts[3:], discriminate(params, images[6:12], hparams=hparams), rtol=1e-5)  # as above


OPTIONAL = {
    gradient_penalty: ("_mixing_weights", "logits_and_squared_grad_norms"),
    mlp: ("minibatch_stddev",),
    spectral_norm: ("init_power_iteration", "normalize", "power_iteration_step"),
    steps: ("power_iteration_step",),
    jnp: ("cos",),
}


def lowered(hparams: Hyperparameters) -> str:
    """A step's program, traced anew."""
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), hparams))
    images = jax.ShapeDtypeStruct((hparams.batch_size, 784), jnp.uint8)
    return (
        jax.jit(lambda *given: unjitted_train_step(*given, hparams=hparams, discriminator_steps=1))
        .lower(state, images)
        .as_text()
    )


def test_what_is_off_is_not_in_the_program(monkeypatch):
    """Nor in the state: part_a's step has the 34 products that it is counted and timed by."""
    named = Hyperparameters(generator_learning_rate=2e-4, generator_adam_b1=0.9, generator_adam_b2=0.999)
    for module, names in OPTIONAL.items():
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, name=name, **__: pytest.fail(f"{name} is called"))
    text = lowered(Hyperparameters())
    assert text.count("stablehlo.dot_general") == len(products(512)) == 34
    assert text == lowered(named)
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), Hyperparameters()))
    # Three layers and a last one, kernel and bias each, of two networks; their two moments and Adam's count; and
    # epoch, iteration and key.
    assert len(jax.tree.leaves(state)) == 2 * (8 + 2 * 8 + 1) + 3


@pytest.mark.parametrize(
    "option",
    [dict(r1=1.0), dict(r2=1.0), dict(gradient_penalty=1.0), dict(dragan=1.0), dict(minibatch_stddev=2),
     dict(spectral_norm=True), dict(cosine_decay_epochs=2)],
    ids=str,
)  # fmt: skip
def test_what_is_on_is(monkeypatch, option):
    """So that the test above can fail."""
    for module, names in OPTIONAL.items():
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("called"))
    with pytest.raises(pytest.fail.Exception, match="called"):
        lowered(Hyperparameters(batch_size=BATCH, **option))


@pytest.mark.parametrize("option", [dict(r1=1.0), dict(r2=1.0)], ids=str)
def test_a_penalty_that_is_off_is_not_added(monkeypatch, option):
    """Even at weight 0: times an infinite slope that would be no number."""
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


def test_several_seeds_in_one_program_take_everything(narrow, monkeypatch, images):
    """Close to what each is alone, which is consumed, its average too."""
    monkeypatch.setattr(steps, "to_unit_range", lambda images: images)  # float32's round-off is a program's own
    data = jnp.asarray(to_unit_range(images.reshape(-1, 784)), jnp.float64)
    options = dict(hparams=EVERYTHING, discriminator_steps=1)
    states, infos = train_epoch_vmapped((initial(EVERYTHING, 0), initial(EVERYTHING, 1)), data, **options)
    for seed, (state, info) in enumerate(zip(states, infos, strict=True)):
        given = initial(EVERYTHING, seed)
        alone, its = train_epoch(given, data, **options)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given.average))
        # Sums in another order, in float64, through three of Adam's first updates, which divide by small gradients.
        for name, value in info._asdict().items():
            np.testing.assert_allclose(value, getattr(its, name), rtol=1e-9, err_msg=name)
        for ours, theirs in ((state.average, alone.average), (state.discriminator, alone.discriminator)):
            assert np.abs(differences(ours, theirs)).max() < 1e-9
        assert np.abs(differences(alone.average, alone.generator)).max() > 5e-5


@pytest.mark.parametrize("option", [dict(r1=1.0, r2=1.0), dict(gradient_penalty=1.0)], ids=str)
def test_a_penaltys_gradient_in_bfloat16_is_float32s_but_for_its_rounding(narrow, images, option):
    """Products' second derivatives are bfloat16's, too: 2**-9 in each factor, three layers forth and back twice."""
    real = jnp.asarray(images[0] / 127.5 - 1, jnp.float32)
    means = []
    for precision in ("float32", "bfloat16"):
        hparams = replace(SETTING, precision=precision, dropout_rate=0.0, **option)
        with jax.enable_x64(False):
            state, _ = jitted_discriminator_step(initial(hparams), real, jnp.int32(0), hparams=hparams)
        leaves = jax.tree.leaves(optax.tree.get(state.discriminator_optimizer, "mu"))
        means.append(np.concatenate([np.ravel(leaf) for leaf in leaves]))
    assert 0 < np.linalg.norm(means[0] - means[1]) < 16 * 2**-9 * np.linalg.norm(means[0])
