"""Images to train on: MNIST from the package, its replacements from the network, or archives of one's own.

`gan_jax.data.datasets` loads them; here are the names alone, which cost no import.
"""

DATASETS = ("mnist", "fashion_mnist", "kmnist")
