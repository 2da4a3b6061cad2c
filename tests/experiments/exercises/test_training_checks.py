"""Exercises 3, 4, 6, 7 and 9: each typical mistake is told in its own words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.exercises import check
from experiments.exercises.training_checks import PHENOMENA
from tests.helpers.exercises import solutions, verdict

stop = jax.lax.stop_gradient


def norms(metrics):
    return metrics["generator_gradient_norm"]


def test_a_prediction_is_one_of_the_two_runs():
    assert verdict(check.prediction, "part_a")
    assert "you expect that G's gradient becomes tiny in part_b" in str(verdict(check.prediction, "part_b"))
    assert "must be one of ('part_a', 'part_b'), not 'b'" in str(verdict(check.prediction, "b"))


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (lambda a, b: norms(b)[-1] / norms(a)[-1], "upside down"),
        (lambda a, b: norms(a)[0] / norms(b)[0], "in the first epoch"),
        (lambda a, b: norms(a).mean() / norms(b).mean(), "of the means over all epochs"),
        (lambda a, b: norms(a) / norms(b), "for each epoch"),
        (lambda a, b: a["discriminator_gradient_norm"][-1] / b["discriminator_gradient_norm"][-1], "D's gradients"),
        (lambda a, b: a["fake_probability"][-1] / b["fake_probability"][-1], "D's answers"),
        (lambda a, b: a["gradient"][-1] / b["gradient"][-1], "with KeyError"),
    ],
)
def test_mistakes_in_the_ratio(ratio, words):
    found = verdict(check.vanishing_gradient, ratio, "vanishing gradient")
    assert not found
    assert words in found.message


def test_each_wrong_name_of_the_phenomenon_has_its_own_words():
    ratio = solutions()["gradient_ratio"]
    wrong = [verdict(check.vanishing_gradient, ratio, name) for name in PHENOMENA if name != "vanishing gradient"]
    assert not any(wrong)
    assert len({found.message for found in wrong}) == len(wrong) == 4
    assert "must be one of" in str(verdict(check.vanishing_gradient, ratio, "bad luck"))


@pytest.mark.parametrize(
    ("images", "around", "words"),
    [
        (lambda each: each, lambda params, real, fake: (real, fake), "jax.lax.stop_gradient is missing"),
        (stop, lambda params, real, fake: (real, stop(fake)), "D learns nothing from generated images"),
        (stop, lambda params, real, fake: (stop(real), fake), "D learns nothing from real images"),
        (stop, lambda params, real, fake: (stop(real), stop(fake)), "D learns nothing: its own parameters"),
        (stop, lambda params, real, fake: (fake, real), "the real and the generated images are swapped"),
    ],
)
def test_mistakes_in_ds_objective(images, around, words):
    loss = solutions()["discriminator_loss"]

    def objective(params, generator, discriminator, latents, real_images):
        fake_images = images(generator(params["generator"], latents))
        real, fake = (discriminator(params["discriminator"], each) for each in (real_images, fake_images))
        return loss(*around(params, real, fake))

    found = verdict(check.discriminator_objective, objective)
    assert not found
    assert words in found.message


def test_gs_loss_is_not_ds_objective():
    objective = solutions()["discriminator_objective"]
    assert "the sign is flipped" in str(verdict(check.discriminator_objective, lambda *given: -objective(*given)))


def test_stopping_gs_parameters_is_right_as_well():
    objective = solutions()["discriminator_objective"]
    stopped = verdict(
        check.discriminator_objective,
        lambda params, *rest: objective({**params, "generator": stop(params["generator"])}, *rest),
    )
    assert stopped


def play(order, sign=-1.0, rated=True, swapped=False):
    """Return an iteration in some order, in which g and d are steps, D is d_steps of them and G likewise."""

    def iteration(generator, discriminator, loss_d, loss_g, rate, d_steps):
        rate = rate if rated else 1.0
        for player in order.replace("*", "dg" * d_steps).replace("D", "d" * d_steps).replace("G", "g" * d_steps):
            if player == "d":
                discriminator = discriminator + sign * rate * jax.grad(loss_d)(discriminator, generator)
            else:
                generator = generator + sign * rate * jax.grad(loss_g)(generator, discriminator)
        return (discriminator, generator) if swapped else (generator, discriminator)

    return iteration


def simultaneous(generator, discriminator, loss_d, loss_g, rate, d_steps):
    old = discriminator
    for _ in range(d_steps):
        discriminator = discriminator - rate * jax.grad(loss_d)(discriminator, generator)
    return generator - rate * jax.grad(loss_g)(generator, old), discriminator


@pytest.mark.parametrize(
    ("iteration", "words"),
    [
        (simultaneous, "the updates are simultaneous"),
        (play("Dg", sign=1.0), "they climb the losses"),
        (play("gD"), "G steps first"),
        (play("dg"), "D moves by one step"),
        (play("DG"), "G takes d_steps steps, too"),
        (play("*"), "G steps inside the loop"),
        (play("g"), "D never steps"),
        (play("D"), "G never steps"),
        (play("Dg", rated=False), "the rate is not used"),
        (play("Dg", swapped=True), "the wrong order"),
        (lambda *_: 3.0, "must return two things"),
    ],
)
def test_mistakes_in_an_iteration(iteration, words):
    found = verdict(check.iteration, iteration)
    assert not found
    assert words in found.message


def updates(epochs_of, times=lambda total, epochs, iterations: total * iterations):
    def count(schedule, epochs, iterations):
        return times(sum(schedule.steps(epoch) for epoch in epochs_of(epochs)), epochs, iterations)

    return count


def right_epochs(epochs):
    return range(1, epochs + 1)


@pytest.mark.parametrize("text", ["1: 8, 2-5: 2, 6-: 1/2", "1:8,2-5:2,6-:1/2", "1: 8, 2-3: 2, 4-5: 2, 6-: 1/2/1/2"])
def test_schedules_of_equal_meaning_are_right(text):
    assert verdict(check.schedule, text, solutions()["discriminator_updates"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("8, 2, 1/2", "a phase begins at epoch 1, but follows one without an end"),
        ("1: 8, 2-5: 2", "add an open phase"),
        ("1: 8, 2-4: 2, 5-: 1/2", "in epoch 5 your schedule takes 1 steps of D; 2 are asked for"),
        ("1: 8, 2-5: 2, 6-: 2/1", "in epoch 6 your schedule takes 2 steps of D; 1 are asked for"),
        ("eight", "cannot read the discriminator steps 'eight'"),
        (8, "must be a text in quotes, not int"),
    ],
)
def test_mistakes_in_a_schedule(text, words):
    found = verdict(check.schedule, text, solutions()["discriminator_updates"])
    assert not found
    assert words in found.message


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (updates(right_epochs, lambda total, epochs, iterations: total), "one iteration an epoch"),
        (updates(lambda epochs: range(1, epochs)), "the last epoch is missing"),
        (updates(lambda epochs: range(1, epochs + 2)), "an epoch too many"),
        (updates(range), "epochs count from 1"),
        (
            updates(right_epochs, lambda total, epochs, iterations: (total + epochs) * iterations),
            "counts G's updates, too",
        ),
        (lambda schedule, epochs, iterations: epochs * iterations, "counts G's updates: one"),
        (lambda schedule, epochs, iterations: schedule.steps(1) * epochs * iterations, "for all epochs"),
    ],
)
def test_mistakes_in_the_count_of_updates(count, words):
    found = verdict(check.schedule, solutions()["steps_text"], count)
    assert not found
    assert words in found.message


def normal(key, count):
    return jax.random.normal(key, (count, 128))


@pytest.mark.parametrize(
    ("latents", "words"),
    [
        (lambda seed, iteration, count: normal(jax.random.key(seed), count), "the iteration is not used"),
        (lambda seed, iteration, count: normal(jax.random.key(iteration), count), "the seed is not used"),
        (lambda seed, iteration, count: normal(jax.random.key(seed + iteration), count), "the two are added"),
        (lambda seed, iteration, count: normal(jax.random.key(seed * iteration), count), "mixed symmetrically"),
        (lambda seed, iteration, count: np.random.default_rng().normal(size=(count, 128)), "two calls with the same"),
        (
            lambda seed, iteration, count: jax.random.uniform(
                jax.random.fold_in(jax.random.key(seed), iteration), (count, 128)
            ),
            "the mean 0.50 and the standard deviation 0.29",
        ),
        (
            lambda seed, iteration, count: normal(jax.random.fold_in(jax.random.key(seed), iteration), count).T,
            "has the shape (128, 200)",
        ),
    ],
)
def test_mistakes_in_latents(latents, words):
    found = verdict(check.latents, latents)
    assert not found
    assert words in found.message


def test_keys_folded_twice_are_right():
    def latents(seed, iteration, count):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 5), iteration)
        return jnp.asarray(normal(key, count))

    assert verdict(check.latents, latents)
