"""The schema of metrics: every entry has a value, and the better value is the better one."""

import math

from gan_jax.analysis.metrics import METRICS
from gan_jax.evaluation import Evaluation, Modes
from gan_jax.training.diagnostics import StepInfo

DERIVED = {"epoch", "digit_share_1", "largest_share"}


def test_every_entry_is_a_field_of_what_is_measured():
    fields = {*StepInfo._fields, *Evaluation._fields, *Modes._fields}
    assert METRICS.keys() - fields == DERIVED
    assert {name for name, metric in METRICS.items() if not metric.measured} == {"epoch", *StepInfo._fields}


def test_the_best_values_are_those_of_equal_distributions():
    """Density alone has no end: higher is better, up to 1 in expectation (Naeem et al. 2020)."""
    best = {name: metric.best for name, metric in METRICS.items() if metric.best is not None}
    assert best == {
        "frechet": 0, "precision": 1, "recall": 1, "density": math.inf, "coverage": 1, "classifier_score": 10,
        "classes_covered": 10, "kl_to_uniform": 0, "digit_share_1": 0.1, "modes": 1000, "modes_kl": 0, "digits_kl": 0,
        "largest_share": 0.1,
    }  # fmt: skip
