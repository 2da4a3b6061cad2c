"""Images to train on: MNIST from the package, its drop-in replacements from the network, or the user's own archives.

`gan_jax.data.datasets` loads them; the names are here because they need no import.
"""

DATASETS = ("mnist", "fashion_mnist", "kmnist")
