"""Packing: several images as one input of D (PacGAN: Lin et al. 2018)."""

from jax import Array


def pack(images: Array, pack_size: int, interleaved: int) -> Array:
    """Concatenate images to packs that are all real or all generated.

    Args:
        images: float32 (batch, size).
        pack_size: images per pack; divides batch // interleaved.
        interleaved: 2 if the batch alternates between real and generated images, as the packs then do; else 1.

    Returns:
        float32 (batch // pack_size, pack_size * size).
    """
    if pack_size == 1:
        return images
    packs = images.reshape(-1, pack_size, interleaved, images.shape[1]).swapaxes(1, 2)
    return packs.reshape(-1, pack_size * images.shape[1])
