"""Statistics of the real MNIST under the shipped classifier, and a small reference for tests that need neither."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.datasets import ImageDataset
from gan_jax.evaluation import Reference, load_classifier, make_reference
from gan_jax.types import Params


@pytest.fixture(scope="session")
def classifier() -> Params:
    return load_classifier()


@pytest.fixture(scope="session")
def reference(mnist: ImageDataset, classifier: Params) -> Reference:
    return make_reference(mnist.train_images, mnist.test_images, classifier)


@pytest.fixture(scope="session")
def small_reference() -> Reference:
    """A reference for 50 samples from 300 training and 100 test images of noise, without a classifier."""
    pixels = np.random.default_rng(0).integers(0, 256, (400, 784), np.uint8)
    return make_reference(pixels[:300], pixels[300:], None, samples=50)


@pytest.fixture
def noise() -> jnp.ndarray:
    """Uniform noise in [-1, 1], float32 (10 000, 784)."""
    return jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (10_000, 784)), jnp.float32)
