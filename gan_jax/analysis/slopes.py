"""Slope of G's losses in D's logit, over D's answer: how hard a generated image pulls at G."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.analysis.charts import Chart, Line, numbers
from gan_jax.losses.adversarial import LOSSES, Targets

FORMULAS = {"non_saturating": "non-saturating, -log D(G(z))", "saturating": "saturating, log(1 - D(G(z)))"}


def loss_slopes(loss: str, outputs: np.ndarray) -> np.ndarray:
    """Compute |d loss / d logit| of a generator loss for one image, by automatic differentiation.

    Args:
        loss: a name in LOSSES.
        outputs: float64 (n,), D's answers D(G(z)), above 0 and below 1.

    Returns:
        float64 (n,).
    """

    def loss_of(logit: jax.Array) -> jax.Array:
        return LOSSES[loss].generator(jnp.zeros(1), logit[None], Targets())

    with jax.enable_x64(True):
        logits = jnp.log(outputs) - jnp.log1p(-outputs)
        return np.abs(np.asarray(jax.vmap(jax.grad(loss_of))(logits)))


def slopes_chart(outputs: Sequence[float]) -> Chart:
    """Chart both of the homework's generator losses over D's answers, each above 0 and below 1."""
    colors = ("run-0", "run-1")
    lines = [
        Line(label, color, numbers(loss_slopes(name, np.asarray(outputs, float))))
        for (name, label), color in zip(FORMULAS.items(), colors, strict=True)
    ]
    return Chart(
        "Slope of G's loss", list(outputs), lines, "|d loss / d logit|", "D(G(z)): 0 generated, 1 real", limits=(0, 1)
    )
