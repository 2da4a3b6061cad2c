"""How GANs train: a purely functional laboratory in JAX and Flax."""
