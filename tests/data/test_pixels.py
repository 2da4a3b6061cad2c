"""Bytes to [-1, 1] and back."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.pixels import require_unit_range, to_bytes, to_unit_range

pytestmark = pytest.mark.numeric


def test_bytes_are_scaled_as_in_the_notebook():
    pixels = jnp.arange(256, dtype=jnp.uint8)
    expected = (np.arange(256) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(to_unit_range(pixels), expected, rtol=0, atol=2e-7)  # round-off of float32 at 1


def test_every_byte_round_trips():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_bytes(np.asarray(to_unit_range(pixels))), pixels)


def test_images_scaled_to_0_1_are_warned_about():
    """torchvision scales to [0, 1], which is within [-1, 1] but not what the classifier was trained on."""
    with pytest.warns(UserWarning, match="samples have no value below 0"):
        require_unit_range(jnp.linspace(0, 1, 784)[None], "samples")
    require_unit_range(jnp.linspace(-1, 1, 784)[None], "samples")  # a warning would be an error here
