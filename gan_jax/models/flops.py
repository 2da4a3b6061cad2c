"""Number of floating-point operations in a training iteration."""

from itertools import pairwise
from typing import NamedTuple


class Flops(NamedTuple):
    """Operations in the matrix products of one step; everything else adds a few per cent."""

    discriminator_step: int
    generator_step: int

    def iteration(self, discriminator_steps: int) -> int:
        """Return the operations of an iteration: its discriminator steps and one generator step."""
        return discriminator_steps * self.discriminator_step + self.generator_step


def flops(batch_size: int, width: int = 1) -> Flops:
    """Count the operations in the matrix products of a discriminator step and of a generator step.

    There are two operations for each weight and image in each of the forward pass, the gradient of the weights, and the
    gradient of the inputs. A discriminator step takes G's forward pass, and D's forward and backward pass on real and
    generated images, without the gradient of the images. A generator step takes both forward passes, D's gradient of
    its images only, and G's backward pass without the gradient of the latents.

    Args:
        batch_size: real images per step.
        width: multiplier of the homework's hidden sizes.
    """
    from gan_jax.models.mlp import DISCRIMINATOR_SIZES, GENERATOR_SIZES, IMAGE_SIZE, LATENT_SIZE, widened  # needs flax

    g_sizes = (LATENT_SIZE, *widened(GENERATOR_SIZES, width), IMAGE_SIZE)
    d_sizes = (IMAGE_SIZE, *widened(DISCRIMINATOR_SIZES, width), 1)
    g_layers = [2 * a * b for a, b in pairwise(g_sizes)]
    d_layers = [2 * a * b for a, b in pairwise(d_sizes)]
    g, d = sum(g_layers), sum(d_layers)
    return Flops(
        discriminator_step=batch_size * (g + 2 * (2 * d + d - d_layers[0])),
        generator_step=batch_size * (g + d + d + g + g - g_layers[0]),
    )
