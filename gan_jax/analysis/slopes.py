"""Slopes of G's two losses in D's logit, over D's answer: why the saturating loss teaches a rejected G nothing."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gan_jax.analysis.charts import Chart, Line, numbers
from gan_jax.losses.adversarial import LOSSES, Targets

POINTS = 101  # answers of D: at 0 and 1 the logit is infinite
FORMULAS = {
    "non_saturating": "-log D(G(z)), non-saturating",
    "saturating": "log(1 - D(G(z))), saturating",
}
ABOUT = (
    "The slope of G's loss over D's logit is what a generated image teaches G. At the left of the chart D is sure that "
    "the image is generated. As a function of the logit, log(1 - D(G(z))) is flat there, so G is told nothing about "
    "which way to change; the slope of -log D(G(z)) is largest just there. Early in training D rejects almost "
    "every sample, so the left end decides whether G learns."
)


def slope(name: str, answers: np.ndarray) -> np.ndarray:
    """Compute |d loss / d logit| of a generator loss where D gives these answers.

    Args:
        name: one of LOSSES whose G sees generated images only.
        answers: D's answers for generated images, float64 (n,) in (0, 1).

    Returns:
        float64 (n,).
    """
    generator_loss = LOSSES[name].generator

    def loss_of_one(logit: Array) -> Array:
        return generator_loss(jnp.zeros(1), logit[None], Targets())

    with jax.enable_x64(True):
        logits = jnp.log(answers) - jnp.log1p(-answers)
        return np.abs(np.asarray(jax.vmap(jax.grad(loss_of_one))(logits)))


def generator_slopes(answers: np.ndarray = np.linspace(0.005, 0.995, POINTS)) -> Chart:  # noqa: B008
    """Chart the absolute slope of both generator losses over D's answers for a generated image, each in (0, 1)."""
    lines = [
        Line(label, f"run-{place}", numbers(slope(name, answers)), dash_style=place)
        for place, (name, label) in enumerate(FORMULAS.items())
    ]
    return Chart(
        "What a generated image teaches G",
        numbers(answers),  # pyright: ignore[reportArgumentType] (all are finite)
        lines,
        "|d loss / d logit|",
        x_title="D(G(z)), D's answer",
        limits=(0, 1),
        about=ABOUT,
    )
