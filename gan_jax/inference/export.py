"""A trained generator as a program of its own, which runs wherever jax does, without this package."""

import jax
import jax.numpy as jnp
from jax import Array, export

from gan_jax.inference.pretrained import TrainedGenerator
from gan_jax.models.mlp import LATENT_SIZE
from gan_jax.training.apply_fns import generated_images

PLATFORMS = ("cpu", "cuda", "tpu")


def export_stablehlo(generator: TrainedGenerator) -> bytes:
    """G with its parameters in float32 as StableHLO, serialised by `jax.export`.

    `jax.export.deserialize(program).call(latents)` then makes images float32 (n, 784 a channel) in [-1, 1] of any
    number of latents float32 (n, 128), on each of PLATFORMS. Versions of jax from this one on read it for at least six
    months, as jax promises.
    """

    @jax.jit
    def images(latents: Array) -> Array:
        return generated_images(generator.params, latents, generator.hparams)

    (batch,) = export.symbolic_shape("batch")
    latents = jax.ShapeDtypeStruct((batch, LATENT_SIZE), jnp.float32)
    return bytes(export.export(images, platforms=PLATFORMS)(latents).serialize())
