"""Packing: D judges several images at once (PacGAN: Lin et al. 2018)."""

from jax import Array


def pack(images: Array, packing: int, kinds: int) -> Array:
    """Join images of one kind to one input: (batch, 784) -> (batch // packing, packing * 784)."""
    if packing == 1:
        return images
    turns = images.reshape(-1, packing, kinds, images.shape[1]).swapaxes(1, 2)
    return turns.reshape(-1, packing * images.shape[1])
