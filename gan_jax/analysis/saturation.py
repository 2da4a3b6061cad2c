"""Explanation of whether G still learns, compared with a baseline."""

import math

from gan_jax.analysis.judgement import describe_gradient, judge
from gan_jax.analysis.run_groups import LoadedRun


def explain_saturation(name: str, run: LoadedRun, baseline_name: str, baseline: LoadedRun) -> str:
    """Explain in two sentences whether G learns, compared with a baseline at the last epoch of both.

    Args:
        name, baseline_name: names of the runs.
        run, baseline: the runs, of at least one epoch each.
    """
    epoch = min(run.epochs, baseline.epochs)
    here, there = ({key: column[:epoch] for key, column in each.metrics.items()} for each in (run, baseline))
    output, baseline_output = (float(metrics["fake_probability"][-1]) for metrics in (here, there))
    norm, baseline_norm = (float(metrics["generator_gradient_norm"][-1]) for metrics in (here, there))
    ratio = math.inf if norm == 0 else baseline_norm / norm
    compared = f"{ratio:.2g} times less" if ratio >= 1 else f"{1 / ratio:.2g} times more"
    if 1 / 2 < ratio < 2:
        compared = "about the same"
    return (
        f"At epoch {epoch} the mean D(G(z)) is {output:.2g} in {name} and {baseline_output:.2g} in {baseline_name}. "
        f"The gradient that reaches G has norm {norm:.2g} against {baseline_norm:.2g}, {compared}: "
        f"{describe_gradient(judge(run.config, here))}."
    )
