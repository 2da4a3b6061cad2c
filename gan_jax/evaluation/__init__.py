"""Metrics of generated images, as pure functions of arrays that never use the training's random keys.

    reference = make_reference(train_images, test_images, load_classifier())   # once per data set
    evaluation = evaluate(samples, reference)                                  # 10 000 samples in seconds

Generated images are float32 (n, 784) in [-1, 1]; real images are uint8 (n, 784) and converted as needed.
"""

from gan_jax.evaluation.by_digit import DiscriminatorFns
from gan_jax.evaluation.classifier import classify, load_classifier
from gan_jax.evaluation.evaluate import Evaluation, Reference, columns, evaluate, make_reference
from gan_jax.evaluation.mode_coverage import Modes, count_modes, validate_stacked

__all__ = [
    "DiscriminatorFns",
    "Evaluation",
    "Modes",
    "Reference",
    "classify",
    "columns",
    "count_modes",
    "evaluate",
    "load_classifier",
    "make_reference",
    "validate_stacked",
]
