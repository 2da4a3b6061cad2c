"""Class histogram of generated digits, and measures of it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import rel_entr

# A tenth of its even share. Above the classifier's own errors: a perfect generator of one digit covers one class.
COVERED_SHARE = 0.01


def digit_histogram(logits: jax.Array) -> np.ndarray:
    """The share float64 (10,) of each class among the most likely classes of logits (n, 10), n >= 1; it sums to 1."""
    return np.bincount(np.argmax(logits, axis=1), minlength=logits.shape[1]) / len(logits)


def classes_covered(histogram: np.ndarray) -> int:
    """The number of classes that make up at least 1 % of the samples, from 1 to 10."""
    return int(np.sum(histogram >= COVERED_SHARE))


def kl_to_uniform(histogram: np.ndarray) -> float:
    """KL(histogram || uniform) in nats: 0 where all classes have the same share, log 10 where there is one class."""
    shares = histogram[histogram > 0]  # p log p is 0 at 0
    return float(np.sum(shares * np.log(shares * len(histogram))))


def classifier_score(logits: jax.Array) -> float:
    """exp(mean over x of KL(p(y|x) || p(y))), from 1 to 10, where p(y|x) is the softmax of logits (n, 10).

    Source: the inception score of Salimans et al. 2016 (arXiv:1606.03498), section 4, with this package's classifier in
    the place of Inception, and over all samples at once.
    """
    conditional = jax.nn.softmax(logits, axis=1)
    marginal = jnp.mean(conditional, axis=0, keepdims=True)
    return float(jnp.exp(jnp.mean(jnp.sum(rel_entr(conditional, marginal), axis=1))))
