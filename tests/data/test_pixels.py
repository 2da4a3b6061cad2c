"""Bytes to [-1, 1] and back."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.pixels import require_unit_range, to_bytes, to_unit_range

pytestmark = pytest.mark.numeric


def test_pixels_become_the_notebooks_range():
    pixels = jnp.arange(256, dtype=jnp.uint8)
    expected = (np.arange(256) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(to_unit_range(pixels), expected, rtol=0, atol=2e-7)  # float32 round-off at 1


def test_every_byte_comes_back():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_bytes(np.asarray(to_unit_range(pixels))), pixels)


def test_images_from_0_to_1_are_told():
    """What torchvision gives is within the range, and is not what the classifier knows."""
    with pytest.warns(UserWarning, match="samples have no value below 0"):
        require_unit_range(jnp.linspace(0, 1, 784)[None], "samples")
    require_unit_range(jnp.linspace(-1, 1, 784)[None], "samples")  # a warning would be an error here
