"""Dropout compared with its definition, and its random bits with JAX's own threefry."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.random import threefry_2x32

from gan_jax.models.dropout import dropout, random_halfwords, threefry

words = st.integers(0, 2**32 - 1)


@given(key=st.tuples(words, words), counters=st.lists(st.tuples(words, words), min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_threefry_is_jaxs(key, counters):
    key, (first, second) = jnp.array(key, jnp.uint32), jnp.array(counters, jnp.uint32).T
    theirs = threefry_2x32(key, jnp.concatenate([first, second]))
    chex.assert_trees_all_equal(jnp.concatenate(threefry(key, first, second)), theirs)


def test_threefrys_published_values():
    """Known answers for threefry2x32 with 20 rounds, from the file kat_vectors of Salmon et al.'s Random123."""
    for key, counter, expected in (
        ([0, 0], [0, 0], [0x6B200159, 0x99BA4EFE]),
        ([2**32 - 1] * 2, [2**32 - 1] * 2, [0x1CB996FC, 0xBB002BE7]),
        ([0x13198A2E, 0x03707344], [0x243F6A88, 0x85A308D3], [0xC4923A9C, 0x483DF7A0]),
    ):
        found = threefry(jnp.array(key, jnp.uint32), *(jnp.uint32(word) for word in counter))
        assert [int(word) for word in found] == expected


def test_halfwords_depend_on_their_row_only():
    """Masks do not depend on the number of rows in the batch, and rows, blocks and quarters differ."""
    few = jnp.concatenate(random_halfwords(jax.random.key(1), 7, 64), axis=1)
    many = jnp.concatenate(random_halfwords(jax.random.key(1), 64, 64), axis=1)
    chex.assert_shape(few, (7, 256))
    chex.assert_trees_all_equal(many[:7], few)
    assert len(np.unique(many, axis=0)) == 64
    assert len(np.unique(many, axis=1).T) == 256
    assert not np.array_equal(jnp.concatenate(random_halfwords(jax.random.key(2), 7, 64), axis=1), few)


def test_halfwords_are_uniform():
    """Each of the four blocks passes a chi-squared test over 256 cells for both of its bytes."""
    for halfwords in random_halfwords(jax.random.key(3), 512, 256):
        assert halfwords.max() < 2**16
        for byte in (halfwords >> 8, halfwords & 255):
            counts = np.bincount(np.ravel(byte), minlength=256)
            # By chance one test in a million fails, and the key is fixed.
            assert scipy.stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_rate_and_scale(rate):
    out = np.asarray(dropout(jax.random.key(3), jnp.ones((500, 800)), rate))
    dropped = np.mean(out == 0)
    # Five standard deviations of a share among so many, plus the rounding of the rate to 1/65536.
    assert abs(dropped - rate) <= 5 * np.sqrt(rate * (1 - rate) / out.size) + 2**-17
    np.testing.assert_allclose(out[out != 0], 1 / (1 - rate), rtol=2e-4)  # rounding of 1 - 0.9 to 1/65536


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=words)
@settings(max_examples=30, deadline=None)
def test_dropped_units_pass_no_gradient(rows, columns, seed):
    inputs = jnp.full((rows, columns), 3.0)
    out, pull_back = jax.vjp(lambda x: dropout(jax.random.key(seed), x, 0.5), inputs)
    chex.assert_trees_all_equal(pull_back(jnp.ones_like(out))[0], out / 3)
    assert set(np.unique(out)) <= {0.0, 6.0}
