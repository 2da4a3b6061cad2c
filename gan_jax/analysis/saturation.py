"""Explanation of whether G still learns, compared with a baseline."""

import math

from gan_jax.analysis.metrics import Metrics

# G has stopped learning where D(G(z)) is below the first and G's gradient the second times below the baseline's.
DEAD_PROBABILITY = 1e-6
DEAD_RATIO = 1e4
FAINT_RATIO = 100


def explain_saturation(name: str, run: Metrics, baseline_name: str, baseline: Metrics) -> str:
    """Explain in two sentences why G learns or does not, compared with a baseline at the last epoch of both.

    Args:
        name, baseline_name: names of the runs.
        run, baseline: their metrics, of at least one epoch each.
    """
    epoch = int(min(run["epoch"][-1], baseline["epoch"][-1]))
    output, baseline_output = (float(metrics["fake_probability"][epoch - 1]) for metrics in (run, baseline))
    norm, baseline_norm = (float(metrics["generator_gradient_norm"][epoch - 1]) for metrics in (run, baseline))
    ratio = math.inf if norm == 0 else baseline_norm / norm
    if output < DEAD_PROBABILITY and ratio > DEAD_RATIO:
        outcome = "G no longer learns: its gradient is proportional to D(G(z)) and has vanished with it"
    elif ratio > FAINT_RATIO:
        outcome = "G hardly learns: its gradient has almost vanished"
    else:
        outcome = "G can learn from it"
    compared = f"{ratio:.2g} times less" if ratio >= 1 else f"{1 / ratio:.2g} times more"
    if 1 / 2 < ratio < 2:
        compared = "about the same"
    return (
        f"At epoch {epoch} the mean D(G(z)) is {output:.2g} in {name} and {baseline_output:.2g} in {baseline_name}. "
        f"The gradient that reaches G has norm {norm:.2g} against {baseline_norm:.2g}, {compared}, and {outcome}."
    )
