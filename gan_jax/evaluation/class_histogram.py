"""Class histogram of generated digits, and metrics of it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import rel_entr

# A tenth of the uniform share, and more than the classifier's error rate: perfect images of one digit cover one class.
COVERED_SHARE = 0.01


def digit_histogram(logits: jax.Array) -> np.ndarray:
    """Compute the share of each class among the predictions: logits (n, 10), n >= 1, to float64 (10,), of sum 1."""
    return np.bincount(np.argmax(logits, axis=1), minlength=logits.shape[1]) / len(logits)


def classes_covered(histogram: np.ndarray) -> int:
    """Count the classes with at least 1 % of the samples: from 1 to 10."""
    return int(np.sum(histogram >= COVERED_SHARE))


def kl_to_uniform(histogram: np.ndarray) -> float:
    """Compute KL(histogram || uniform) in nats: 0 if all classes have the same share, log 10 if only one occurs."""
    shares = histogram[histogram > 0]  # p log p is 0 at 0
    return float(np.sum(shares * np.log(shares * len(histogram))))


def classifier_score(logits: jax.Array) -> float:
    """Compute exp(mean over x of KL(p(y|x) || p(y))), from 1 to 10, where p(y|x) is the softmax of logits (n, 10).

    It is the inception score of Salimans et al. 2016 (arXiv:1606.03498), section 4, with this package's classifier
    instead of Inception, and over all samples instead of splits.
    """
    conditional = jax.nn.softmax(logits, axis=1)
    marginal = jnp.mean(conditional, axis=0, keepdims=True)
    return float(jnp.exp(jnp.mean(jnp.sum(rel_entr(conditional, marginal), axis=1))))
