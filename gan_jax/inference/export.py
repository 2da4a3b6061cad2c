"""Export of a trained generator as a program that jax runs without this package."""

import jax
import jax.numpy as jnp
from jax import Array, export

from gan_jax.inference.pretrained import TrainedGenerator
from gan_jax.models.mlp import LATENT_SIZE
from gan_jax.training.apply_fns import generated_images

PLATFORMS = ("cpu", "cuda", "tpu")


def export_stablehlo(generator: TrainedGenerator) -> bytes:
    """Export G, with its parameters in float32, as StableHLO serialized by `jax.export`.

    `jax.export.deserialize(program).call(latents)` maps latents float32 (n, 128), for any n, to images float32
    (n, 784 * channels) in [-1, 1], on each of PLATFORMS. jax promises that later versions read it for six months.
    """

    @jax.jit
    def images(latents: Array) -> Array:
        return generated_images(generator.params, latents, generator.hparams)

    (batch,) = export.symbolic_shape("batch")
    latents = jax.ShapeDtypeStruct((batch, LATENT_SIZE), jnp.float32)
    return bytes(export.export(images, platforms=PLATFORMS)(latents).serialize())
