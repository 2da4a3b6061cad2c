"""Floating-point operations of a training iteration."""

from itertools import pairwise
from typing import NamedTuple


class Flops(NamedTuple):
    """Operations of the matrix products of one step; all else is a few per cent of them."""

    discriminator_step: int
    generator_step: int

    def iteration(self, discriminator_steps: int) -> int:
        return discriminator_steps * self.discriminator_step + self.generator_step


def flops(batch_size: int, width: int = 1) -> Flops:
    """Two for each weight and image, in the forward pass, for the weights' gradient and for the inputs' gradient.

    A discriminator step takes G forward, and D forward and backward on real and generated images; the images need no
    gradient. A generator step takes both networks forward, D backward to its images alone, and G backward; the latents
    need no gradient.
    """
    from gan_jax.models.mlp import DISCRIMINATOR_SIZES, GENERATOR_SIZES, IMAGE_SIZE, LATENT_SIZE, widened  # loads flax

    g_sizes = (LATENT_SIZE, *widened(GENERATOR_SIZES, width), IMAGE_SIZE)
    d_sizes = (IMAGE_SIZE, *widened(DISCRIMINATOR_SIZES, width), 1)
    g_layers = [2 * a * b for a, b in pairwise(g_sizes)]
    d_layers = [2 * a * b for a, b in pairwise(d_sizes)]
    g, d = sum(g_layers), sum(d_layers)
    return Flops(
        discriminator_step=batch_size * (g + 2 * (2 * d + d - d_layers[0])),
        generator_step=batch_size * (g + d + d + g + g - g_layers[0]),
    )
