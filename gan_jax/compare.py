"""What distinguishes a run from its baseline, in figures and in words that quote them."""

import numpy as np

from gan_jax.figures import Metrics

# Where D(G(z)) is below the one and G's gradient this many times below the baseline's, G has stopped learning.
DEAD_PROBABILITY = 1e-6
DEAD_RATIO = 1e4


def explain_saturation(name: str, run: Metrics, baseline_name: str, baseline: Metrics) -> str:
    """Two sentences on why a run's generator learns or does not, against a baseline at the last epoch of both.

    Args:
        name, baseline_name: of the runs.
        run, baseline: their metrics, of at least one epoch each.
    """
    epoch = int(min(run["epoch"][-1], baseline["epoch"][-1]))
    verdict, baseline_verdict = (float(metrics["fake_probability"][epoch - 1]) for metrics in (run, baseline))
    norm, baseline_norm = (float(metrics["generator_gradient_norm"][epoch - 1]) for metrics in (run, baseline))
    ratio = np.inf if norm == 0 else baseline_norm / norm
    dead = verdict < DEAD_PROBABILITY and ratio > DEAD_RATIO
    outcome = (
        "G no longer learns: with log(1 - D) its gradient is in proportion to D(G(z)) and vanishes with it"
        if dead
        else "G still receives a gradient to learn from"
    )
    return (
        f"At epoch {epoch} the mean D(G(z)) is {verdict:.2g} in {name} and {baseline_verdict:.2g} in {baseline_name}. "
        f"The gradient that reaches G has norm {norm:.2g} against {baseline_norm:.2g}, a ratio of {ratio:.2g}, and "
        f"{outcome}."
    )
