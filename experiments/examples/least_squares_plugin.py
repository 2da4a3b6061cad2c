r"""A plugin: a loss, a penalty and a metric of your own.

./run.sh train --plugin experiments/examples/least_squares_plugin.py --loss squares --name squares --epochs 5
./run.sh train --plugin experiments/examples/least_squares_plugin.py --plugin-penalties 'flat: 0.1' --name flat \
    --epochs 5
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from gan_jax import register_metric
from gan_jax.losses.adversarial import LOSSES, GanLoss, Targets
from gan_jax.losses.gradient_penalty import PENALTIES, GradientPenalty


def discriminator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute half the mean squared distance of D's logits from 1 for real and -1 for generated images."""
    return (((real_logits - 1) ** 2).mean() + ((fake_logits + 1) ** 2).mean()) / 2


def generator(real_logits: Array, fake_logits: Array, targets: Targets) -> Array:
    """Compute half the mean squared distance of D's logits for generated images from 0, halfway (Mao et al. 2017)."""
    return (fake_logits**2).mean() / 2


def flat(squared_norms: Array) -> Array:
    """Compute the mean length of D's input gradients; the small number keeps the root's own gradient finite at 0."""
    return jnp.sqrt(squared_norms + 1e-12).mean()


def ink(samples: np.ndarray) -> float:
    """Compute the mean brightness of samples in [-1, 1], from 0 (black) to 1 (white)."""
    return float((samples.mean(dtype=np.float64) + 1) / 2)


LOSSES["squares"] = GanLoss(discriminator, generator, uses_targets=False)
PENALTIES["flat"] = GradientPenalty("real", flat)
register_metric(
    "ink",
    ink,
    label="mean brightness",
    format="{:.3f}",
    best=0.133,
    meaning="Mean brightness of the samples' pixels, from 0 (black) to 1 (white): MNIST's test images have 0.133.",
)
