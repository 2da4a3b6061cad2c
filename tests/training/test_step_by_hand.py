"""Two iterations written out with literals, line by line from the homework's table, against the compiled step.

Nothing of the core is called: a change in a constant, a key, an order or a sign changes the result here. Both compute
in
float64. In float32 a hidden unit near 0 falls on either side of LeakyReLU's kink depending on rounding, which changes
all that flows back from it, and Adam's first updates amplify any difference to a learning rate.
"""

from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from gan_jax.config import Hyperparameters
from gan_jax.training import train_step as steps
from gan_jax.training.train_step import train_step
from tests.helpers.narrow import narrow_state

pytestmark = pytest.mark.numeric

BATCH, STEPS, ITERATIONS = 32, 2, 2
LATENTS_OF_D, DROPOUT_OF_D, LATENTS_OF_G, DROPOUT_OF_G = 2, 3, 4, 5  # the streams' numbers, on which the bits depend


class Keys:
    """The key tree, which refuses to give a key twice."""

    def __init__(self, seed: int):
        self.root, self.given = jax.random.key(seed), set()

    def at(self, *path: int):
        assert path not in self.given
        self.given.add(path)
        key = self.root
        for index in path:
            key = jax.random.fold_in(key, index)
        return key


def dense(layers: dict, name: str, x):
    return jnp.dot(x, layers[name]["kernel"], precision="highest") + layers[name]["bias"][None]


def leaky(x):
    return jnp.where(x > 0, x, 0.2 * x)


def g(params: dict, z):
    layers = params["params"]
    x = z
    for name in ("hidden_1", "hidden_2", "hidden_3"):
        x = leaky(dense(layers, name, x))
    return jnp.tanh(dense(layers, "image", x))


def halfwords(key, rows: int, columns: int):
    """Return jax's threefry at (row, 0), (row, 1), ...: low and high halves of the first word, then of the second."""
    row, column = (index.astype(jnp.uint32).ravel() for index in jnp.indices((rows, columns // 4)))
    words = threefry_2x32(jax.random.bits(key, (2,), jnp.uint32), jnp.concatenate([row, column]))
    words = words.reshape(2, rows, columns // 4)
    return jnp.concatenate([half for word in words for half in (word % 65536, word // 65536)], axis=1)


def d(params: dict, x, dropout_key):
    """Return logits. Dropout of 0.3 keeps values at or above 0.3 * 65536 = 19661 of 65536."""
    layers = params["params"]
    for index in (1, 2, 3):
        x = leaky(dense(layers, f"hidden_{index}", x))
        bits = halfwords(jax.random.fold_in(dropout_key, index), *x.shape)
        x = jnp.where(bits >= 19661, x / (1 - 19661 / 65536), 0.0)
    return dense(layers, "logit", x)[:, 0]


@jax.jit
def adam(params, gradient, mean, square, count):
    """Apply algorithm 1 of Kingma and Ba 2015 with 2e-4, 0.9, 0.999 and 1e-8."""
    mean = jax.tree.map(lambda m, v: 0.9 * m + 0.1 * v, mean, gradient)
    square = jax.tree.map(lambda s, v: 0.999 * s + 0.001 * v**2, square, gradient)
    params = jax.tree.map(
        lambda p, m, s: p - 2e-4 * (m / (1 - 0.9**count)) / (jnp.sqrt(s / (1 - 0.999**count)) + 1e-8),
        params, mean, square,
    )  # fmt: skip
    return params, mean, square


def norm(gradient) -> float:
    return float(np.sqrt(sum(np.sum(np.asarray(leaf, np.float64) ** 2) for leaf in jax.tree.leaves(gradient))))


@jax.jit
def d_gradient(params, x, fake, mask_key):
    """Return value, logits and gradient of -log D(x) - log(1 - D(G(z))), means over the batch."""

    def loss(params):
        pairs = jnp.zeros((2 * BATCH, 784)).at[0::2].set(x).at[1::2].set(fake)  # a real image, a generated one, ...
        logits = d(params, pairs, mask_key)
        real, fake_ = logits[0::2], logits[1::2]
        return jnp.mean(jnp.log1p(jnp.exp(-real))) + jnp.mean(jnp.log1p(jnp.exp(fake_))), (real, fake_)

    return jax.value_and_grad(loss, has_aux=True)(params)


@partial(jax.jit, static_argnames="name")
def g_gradient(params, d_params, z, mask_key, name):
    """Return value and gradient of -log D(G(z)), or of log(1 - D(G(z)))."""

    def loss(params):
        logits = d(d_params, g(params, z), mask_key)
        if name == "saturating":
            return -jnp.mean(jnp.log1p(jnp.exp(logits)))
        return jnp.mean(jnp.log1p(jnp.exp(-logits)))

    return jax.value_and_grad(loss)(params)


def by_hand(state, pixels, loss: str):
    """Return parameters, Adam's moments and each iteration's metrics for float64 pixels (iterations, batch, 784)."""
    keys = Keys(0)
    zeros = jax.tree.map(jnp.zeros_like, (state.generator, state.discriminator))
    g_params, d_params = state.generator, state.discriminator
    (g_mean, d_mean), (g_square, d_square) = zeros, zeros
    reports = []
    for t in range(ITERATIONS):
        x = pixels[t]
        d_rows = []
        for k in range(STEPS):
            fake = jax.jit(g)(g_params, jax.random.normal(keys.at(LATENTS_OF_D, t, k), (BATCH, 128)))
            (value, logits), gradient = d_gradient(d_params, x, fake, keys.at(DROPOUT_OF_D, t, k))
            d_params, d_mean, d_square = adam(d_params, gradient, d_mean, d_square, STEPS * t + k + 1)
            real, fake = (np.asarray(part, np.float64) for part in logits)
            d_means = [np.mean(1 / (1 + np.exp(-part))) for part in (real, fake)]
            d_rows.append([float(value), *d_means, (np.mean(real > 0) + np.mean(fake < 0)) / 2, norm(gradient)])
        z = jax.random.normal(keys.at(LATENTS_OF_G, t), (BATCH, 128))
        _, mask_key = jax.random.split(keys.at(DROPOUT_OF_G, t))  # the first is for real images, if G's loss uses them
        value, gradient = g_gradient(g_params, d_params, z, mask_key, loss)
        g_params, g_mean, g_square = adam(g_params, gradient, g_mean, g_square, t + 1)
        d_value, d_real, d_fake, d_accuracy, d_norm = np.mean(d_rows, axis=0)
        reports.append([d_value, float(value), d_real, d_fake, d_accuracy, d_norm, norm(gradient)])
    return (g_params, d_params), (g_mean, d_mean), (g_square, d_square), np.array(reports)


@pytest.mark.parametrize("loss", ["non_saturating", "saturating"])
def test_two_iterations_equal_those_written_here(mnist, loss, monkeypatch):
    """Bytes are converted to float64 here, where the step would round them to float32."""
    monkeypatch.setattr(steps, "to_unit_range", lambda images: images)
    hparams = Hyperparameters(batch_size=BATCH, loss=loss)
    with jax.enable_x64(True):
        pixels = jnp.asarray(mnist.train_images[: ITERATIONS * BATCH].reshape(ITERATIONS, BATCH, -1) / 127.5 - 1)
        start = state = narrow_state(hparams)
        infos = []
        for batch in pixels:
            state, info = train_step(state, batch, hparams=hparams, discriminator_steps=STEPS)
            infos.append([float(value) for value in info])
        params, means, squares, reports = by_hand(start, pixels, loss)
    # Round-off is 1e-16 an operation, of which a gradient has some thousands: below 1e-12 of its size. Adam divides it
    # by that size, or by 1e-8 if it is smaller, so its update of 2e-4 is right to 1e-9 of itself at worst. A bug moves
    # parameters by about 1e-4.
    g_adam, d_adam = (cast(Any, each)[0] for each in (state.generator_optimizer, state.discriminator_optimizer))
    for found, expected, relative in (
        ((state.generator, state.discriminator), params, False),
        ((g_adam.mu, d_adam.mu), means, True),
        ((g_adam.nu, d_adam.nu), squares, True),
    ):
        for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert ours.dtype == theirs.dtype == np.float64
            tolerance = 1e-10 * np.abs(theirs).max() if relative else 1e-12
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
    np.testing.assert_allclose(infos, reports, rtol=1e-10)
