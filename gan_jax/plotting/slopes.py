"""Figure of the slopes of both generator losses."""

import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis.slopes import generator_slopes
from gan_jax.plotting import panels

SMALLEST = 1e-6  # answer of D at the left end of the logarithmic panel


def slopes() -> Figure:
    """Make a figure of the slopes."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    draw(figure)
    return figure


def draw(figure: Figure) -> None:
    """Draw the slopes over D's answer: from 0 to 1, and on logarithmic axes where D rejects the image."""
    whole, rejected = figure.subplots(1, 2)
    panels.draw(whole, generator_slopes(np.linspace(0.001, 0.999, 200)))
    whole.set_xticks([0, 0.25, 0.5, 0.75, 1])
    chart = generator_slopes(np.geomspace(SMALLEST, 0.5, 200))
    panels.draw(rejected, chart._replace(title="The same where D rejects the image", logarithmic=True, limits=None))
    rejected.set(xscale="log", ylim=(SMALLEST, 3))
    rejected.legend(frameon=False, loc="lower right")
