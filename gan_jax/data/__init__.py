"""Images to train on: MNIST from the package, its replacements from the network, or archives of one's own."""

from gan_jax.data.datasets import DATASETS, ImageDataset, load, load_archives

__all__ = ["DATASETS", "ImageDataset", "load", "load_archives"]
