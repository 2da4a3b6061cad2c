"""Checks of how the two networks are trained: exercises 3, 4, 6, 7 and 9."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.exercises.loss_checks import d_loss
from experiments.exercises.verdicts import WrongAnswerError, as_numbers, exercise, require_equal
from gan_jax.errors import UserError
from gan_jax.schedules import Schedule

RUNS = ("part_a", "part_b")
PHENOMENA = {
    "mode collapse": "mode collapse is about what G draws: few kinds of image. Here it learns to draw nothing at all. "
    "Look at its gradient.",
    "memorization": "memorization is a G that copies training images. Here it draws no digits. Look at its gradient.",
    "exploding gradient": "an exploding gradient grows. Look at which way part_b's goes.",
    "overfitting": "overfitting is good on training data and bad on new data. Here G is bad on both. Look at its "
    "gradient.",
    "vanishing gradient": "",
}


@exercise(3)
def prediction(prediction: str) -> str:
    """Check that a prediction is one of the two runs; it may be wrong."""
    if prediction not in RUNS:
        raise WrongAnswerError(f"`prediction` must be one of {RUNS}, not {prediction!r}.")
    return f"noted: you expect that G's gradient becomes tiny in {prediction}. Now see."


@exercise(3)
def vanishing_gradient(gradient_ratio: Callable, phenomenon: str) -> str:
    """Check the ratio of the last gradient norms of two runs, and what the phenomenon is called."""
    first = {name: np.array(values) for name, values in _metrics(8.0, 2.0, 0.5).items()}
    second = {name: np.array(values) for name, values in _metrics(4.0, 1e-3, 1e-5).items()}
    require_equal(
        "gradient_ratio", "norms that end at 0.5 and at 1e-5", gradient_ratio(first, second), 5e4,
        {
            "the ratio is upside down: divide part_a's norm by part_b's.": 2e-5,
            "this is the ratio in the first epoch. Take the last: [-1].": 2.0,
            "this is the ratio of the means over all epochs. Take the last epoch alone: [-1].":
                np.mean([8, 2, 0.5]) / np.mean([4, 1e-3, 1e-5]),
            "this is a ratio for each epoch. Take the last: [-1].": [2.0, 2e3, 5e4],
            "this is the ratio of D's gradients. G's are in the column generator_gradient_norm.": 2 / 3,
            "this is the ratio of D's answers. G's gradients are in the column generator_gradient_norm.": 0.25,
        },
    )  # fmt: skip
    if phenomenon not in PHENOMENA:
        raise WrongAnswerError(f"`phenomenon` must be one of {tuple(PHENOMENA)}, not {phenomenon!r}.")
    if PHENOMENA[phenomenon]:
        raise WrongAnswerError(PHENOMENA[phenomenon])
    return "right: it is the vanishing gradient."


def _metrics(*norms: float) -> dict[str, list[float]]:
    """Return metrics of three epochs with these norms of G's gradient."""
    start = norms[0]
    return {
        "generator_gradient_norm": list(norms),
        "discriminator_gradient_norm": [1.0, 1.0, 2.0 if start > 5 else 3.0],
        "fake_probability": [0.5, 0.2, 0.1 if start > 5 else 0.4],
    }


def _generator(params: Any, latents: Any) -> Any:
    return jnp.tanh(latents @ params)


def _discriminator(params: Any, images: Any) -> Any:
    return images @ params


@exercise(4)
def discriminator_objective(discriminator_objective: Callable) -> str:
    """Check that D's objective has D's gradient and, with respect to G's parameters, none."""
    random = np.random.default_rng(0)
    g, d, latents, real = (
        jnp.asarray(random.normal(size=size), jnp.float32) for size in ((3, 5), (5,), (4, 3), (4, 5))
    )

    def objective(params: Any) -> Any:
        return discriminator_objective(params, _generator, _discriminator, latents, real)

    params = {"generator": g, "discriminator": d}
    fake = np.tanh(np.asarray(latents) @ np.asarray(g))
    real_logits, fake_logits = np.asarray(real @ d), fake @ np.asarray(d)
    value = as_numbers("discriminator_objective", objective(params))
    require_equal(
        "discriminator_objective", "two small networks", value, d_loss(real_logits, fake_logits),
        {
            "the real and the generated images are swapped.": d_loss(fake_logits, real_logits),
            "the sign is flipped.": -d_loss(real_logits, fake_logits),
        },
    )  # fmt: skip
    gradient = jax.grad(objective)(params)
    of_real = -np.asarray(real).T @ (1 / (1 + np.exp(real_logits))) / len(real)
    right = of_real + fake.T @ (1 / (1 + np.exp(-fake_logits))) / len(real)
    require_equal(
        "discriminator_objective's gradient for D", "two small networks", gradient["discriminator"], right,
        {
            "D learns nothing: its own parameters, or its whole loss, are inside jax.lax.stop_gradient. Only the "
            "generated images belong there.": 0 * right,
            "D learns nothing from generated images: their logits are inside jax.lax.stop_gradient. Put the images "
            "there, before D sees them.": of_real,
            "D learns nothing from real images: they need no jax.lax.stop_gradient around D's answer.": right - of_real,
        },
    )  # fmt: skip
    if np.any(np.asarray(gradient["generator"]) != 0):
        raise WrongAnswerError(
            "jax.lax.stop_gradient is missing: D's loss has a gradient for G's parameters. A step along it would make "
            "G's images easier to reject. Put the generated images into jax.lax.stop_gradient."
        )
    return "right: D's step leaves G alone, to the bit."


def _play(order: str, generator: float, discriminator: float, rate: float, d_steps: int, sign: float = -1) -> tuple:
    """Play one iteration of the game d_gradient = 2 d - g, g_gradient = g + 3 d, with the updates in this order."""
    for player in order.replace("D", "d" * d_steps).replace("G", "g" * d_steps):
        old_generator, old_discriminator = generator, discriminator
        if player == "d":
            discriminator = old_discriminator + sign * rate * (2 * old_discriminator - old_generator)
        else:
            generator = old_generator + sign * rate * (old_generator + 3 * old_discriminator)
    return generator, discriminator


@exercise(6)
def iteration(iteration: Callable) -> str:
    """Check an iteration of alternating gradient steps, on two quadratic losses where every order differs."""

    def loss_d(discriminator: Any, generator: Any) -> Any:
        return discriminator**2 - discriminator * generator

    def loss_g(generator: Any, discriminator: Any) -> Any:
        return generator**2 / 2 + 3 * discriminator * generator

    g, d, rate, steps = 1.0, 2.0, 0.1, 3
    found = iteration(g, d, loss_d, loss_g, rate, steps)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise WrongAnswerError("`iteration` must return two things: return generator, discriminator")
    right = _play("Dg", g, d, rate, steps)
    require_equal(
        "iteration", f"generator = {g}, discriminator = {d}, rate = {rate} and d_steps = {steps}", found, right,
        {
            "the two are returned in the wrong order: return generator, discriminator.": right[::-1],
            "the updates are simultaneous: G's step still sees the old D. Give it the D that was just updated.":
                (_play("g", g, d, rate, steps)[0], right[1]),
            "the sign of the steps is wrong: they climb the losses. Subtract rate * gradient.":
                _play("Dg", g, d, rate, steps, sign=1),
            "G steps first. D's steps come first, so that G learns from a D that knows it.":
                _play("gD", g, d, rate, steps),
            "D moves by one step, whatever d_steps is. Start each step from the D that the last one left.":
                _play("dg", g, d, rate, steps),
            "G takes d_steps steps, too. It takes one.": _play("DG", g, d, rate, steps),
            "G steps inside the loop, after each step of D. It steps once, after the loop.":
                _play("dg" * steps, g, d, rate, steps),
            "D never steps.": (_play("g", g, d, rate, steps)[0], d),
            "G never steps.": (g, right[1]),
            "the rate is not used: the steps are the whole gradient.": _play("Dg", g, d, 1.0, steps),
        },
    )  # fmt: skip
    return "right: D first, then G against the new D."


SCHEDULE = Schedule.parse("1: 8, 2-5: 2, 6-: 1/2")


@exercise(7)
def schedule(steps_text: str, discriminator_updates: Callable) -> str:
    """Check a schedule's text, epoch by epoch, and the number of updates that D takes under any schedule."""
    if not isinstance(steps_text, str):
        raise WrongAnswerError(f"`steps_text` must be a text in quotes, not {type(steps_text).__name__}.")
    try:
        parsed = Schedule.parse(steps_text)
    except UserError as error:
        raise WrongAnswerError(f"{error}.") from None
    for epoch in range(1, 13):  # the last phase repeats from epoch 6 on
        found, right = parsed.steps(epoch), SCHEDULE.steps(epoch)
        if found != right:
            raise WrongAnswerError(f"in epoch {epoch} your schedule takes {found} steps of D; {right} are asked for.")
    epochs, iterations = 7, 10
    steps = [SCHEDULE.steps(epoch) for epoch in range(1, epochs + 2)]
    try:
        found = discriminator_updates(SCHEDULE, epochs, iterations)
    except WrongAnswerError:
        if _asks_for_epoch_0(discriminator_updates):
            raise WrongAnswerError("epochs count from 1, not from 0: range(1, epochs + 1).") from None
        raise
    total = sum(steps[:epochs])
    require_equal(
        "discriminator_updates", f"{steps_text!r}, 7 epochs and 10 iterations an epoch", found, total * iterations,
        {
            "this counts the steps of one iteration an epoch. Each epoch has `iterations` of them.": total,
            "the last epoch is missing: range(1, epochs + 1) ends with it.": iterations * sum(steps[: epochs - 1]),
            "this is an epoch too many.": iterations * sum(steps),
            "this counts G's updates, too. D's alone are asked for.": iterations * (total + epochs),
            "this counts G's updates: one an iteration.": iterations * epochs,
            "this counts one iteration of the first epoch's steps for all epochs.": iterations * epochs * steps[0],
        },
    )  # fmt: skip
    return f"right: D takes {total * iterations} updates in 7 epochs of 10 iterations, and G takes 70."


def _asks_for_epoch_0(discriminator_updates: Callable) -> bool:
    """Tell whether a function asks a schedule for the steps of epoch 0, which no schedule has."""

    class Listening:
        def __init__(self) -> None:
            self.asked: list[int] = []

        def steps(self, epoch: int) -> int:
            self.asked.append(epoch)
            return 1

    listening = Listening()
    discriminator_updates(listening, 3, 1)
    return 0 in listening.asked


@exercise(9)
def latents(latents: Callable) -> str:
    """Check latents that depend on the seed and the iteration, and on nothing else."""
    first = as_numbers("latents", latents(3, 7, 200))
    if first.shape != (200, 128):
        raise WrongAnswerError(f"`latents(3, 7, 200)` has the shape {first.shape}; (200, 128) is asked for.")
    if not np.array_equal(first, np.asarray(latents(3, 7, 200), float)):
        raise WrongAnswerError(
            "two calls with the same arguments give different numbers: they depend on something else, such as the "
            "global generator of np.random or the clock. Make a key of the arguments alone."
        )
    for words, other in {
        "the seed is not used: two seeds give the same numbers.": (4, 7),
        "the iteration is not used: every iteration would see the same latents. Fold it into the key with "
        "jax.random.fold_in.": (3, 8),
        "seed 3 at iteration 7 gives the numbers of seed 2 at iteration 8: the two are added, so that runs share their "
        "noise. Fold the iteration into the key with jax.random.fold_in.": (2, 8),
        "seed 3 at iteration 7 gives the numbers of seed 7 at iteration 3: the two are mixed symmetrically, so that "
        "runs share their noise. Fold the iteration into the key with jax.random.fold_in.": (7, 3),
    }.items():
        if np.array_equal(first, np.asarray(latents(*other, 200), float)):
            raise WrongAnswerError(words)
    # The mean of 25 600 normal numbers is within 0.006 of 0 and their deviation within 0.005 of 1, so that 0.05 is many
    # standard errors; uniform numbers are off by 0.4 or more.
    if abs(first.mean()) > 0.05 or abs(first.std() - 1) > 0.05:
        raise WrongAnswerError(
            f"the numbers have the mean {first.mean():.2f} and the standard deviation {first.std():.2f}; those of "
            "jax.random.normal have 0 and 1."
        )
    return "right: the numbers follow from the seed and the iteration alone."
