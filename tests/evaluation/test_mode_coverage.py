"""Stacked MNIST: its channels, how its modes are counted, and a run of it."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.datasets import load_archives
from gan_jax.evaluation import classify, count_modes, load_classifier, make_reference, mode_coverage
from gan_jax.plotting import image_grid
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.prng import Stream
from gan_jax.training.train_epoch import epoch_permutation, gather_batch

pytestmark = pytest.mark.usefixtures("narrow_runs")


def test_each_channel_permutes_all_images_independently_every_epoch():
    orders = epoch_permutation(jax.random.key(3), jnp.int32(2), 100, 10, channels=3)
    assert orders.shape == (10, 10, 3)
    channel_orders = np.asarray(orders).reshape(-1, 3).T
    for order in channel_orders:
        assert sorted(order) == list(range(100))
    assert len({tuple(order) for order in channel_orders}) == 3


def test_a_batch_concatenates_the_digits():
    images = jnp.arange(5 * 784).reshape(5, 784)
    batch = gather_batch(images, jnp.array([[0, 4, 2], [1, 1, 3]]))
    np.testing.assert_array_equal(batch, [np.concatenate([images[i] for i in row]) for row in ([0, 4, 2], [1, 1, 3])])


def test_a_grid_shows_the_digits_of_an_image_side_by_side():
    images = np.repeat([[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]], 784, axis=1).astype(np.float32)
    grid = image_grid.grid(images, columns=1, gap=0)
    assert grid.shape == (2 * 28, 3 * 28)
    shades = grid.reshape(2, 28, 3, 28)
    assert (shades == shades[:, :1, :, :1]).all()
    assert shades[:, 0, :, 0].tolist() == [[0, 128, 255], [255, 0, 128]]


@pytest.fixture(scope="module")
def digits(mnist) -> list[np.ndarray]:
    """Test images by class that the classifier predicts with confidence."""
    images = jnp.asarray(mnist.test_images[:2000] / 127.5 - 1, jnp.float32)
    logits = np.asarray(classify(load_classifier(), images)[1])
    sure = np.sort(logits, axis=1)[:, -1] - np.sort(logits, axis=1)[:, -2] > 5
    return [np.asarray(images)[sure & (logits.argmax(axis=1) == digit)] for digit in range(10)]


@pytest.fixture(scope="module")
def reference(mnist):
    """A feature reference with the digits of a thousand test images."""
    reference = make_reference(
        mnist.train_images[:100], mnist.test_images[:1000], load_classifier(), 100
    ).feature_reference
    assert reference is not None
    assert (reference.digits == mnist.test_labels[:1000]).mean() > 0.98
    return reference


@pytest.mark.parametrize(("tuples", "modes", "kl", "kl_of_digits"), [
    ([[1, 2, 3]] * 4, 1, math.log(1000), math.log(1000)),
    ([[1, 2, 3], [3, 2, 1]] * 3, 2, math.log(500), math.log(250)),  # order counts; outer digits dependent
    ([[a, b, 0] for a in range(10) for b in range(10)], 100, math.log(10), math.log(10)),
    ([[a, a, a] for a in range(10)], 10, math.log(100), 0.0),
    ([[a, b, c] for a in range(10) for b in range(10) for c in range(10)], 1000, 0.0, 0.0),
])  # fmt: skip
def test_modes_are_the_digit_tuples_of_real_images(digits, reference, tuples, modes, kl, kl_of_digits):
    """The KL divergence of the tuples, and the part due to the digits one by one, are sums done by hand."""
    images = np.stack(
        [np.concatenate([digits[digit][index % len(digits[digit])] for digit in digit_tuple])
         for index, digit_tuple in enumerate(tuples)]
    )  # fmt: skip
    found = count_modes(load_classifier(), reference.digits, jnp.asarray(images))
    assert (found.n, found.modes) == (len(tuples), modes)
    assert found.modes_kl == pytest.approx(kl, abs=1e-12)  # sums of up to 1000 terms in float64
    assert found.digits_kl == pytest.approx(kl_of_digits, abs=1e-12)


def test_the_floor_is_the_kl_of_as_many_random_tuples(digits):
    """Real digits that are all sevens make one tuple; equally many of each make n tuples as uneven as chance.

    At large n, 2n times the KL divergence of a multinomial sample from its own, uniform, distribution is chi-squared
    with 99 degrees of freedom: the mean is 99 / 2n, the standard deviation sqrt(2 * 99) / 2n.
    """
    images = jnp.tile(jnp.asarray(digits[7][:1]), (1000, 2))
    classifier = load_classifier()
    assert count_modes(classifier, np.full(10, 7), images).modes_kl_floor == pytest.approx(math.log(100), abs=1e-12)
    even = np.repeat(np.arange(10), 5)
    found = count_modes(classifier, even, images)
    assert found.modes_kl_floor == pytest.approx(99 / 2000, abs=3 * math.sqrt(2 * 99) / 2000)
    assert found == count_modes(classifier, even, images)


def test_a_run_of_three_channels(call, tmp_path, small_archives, monkeypatch):
    """Its modes are counted, its samples are grids of three digits, and it is drawn, resumed, sampled and verified."""
    monkeypatch.setattr(mode_coverage, "SAMPLES", 500)  # the classifier takes a second for these instead of a minute
    options = ("--archives", small_archives, "--out", tmp_path, "--evaluate-every", 1, "--ema-decay", 0.9)
    classifier = ("--classifier", "gan_jax/evaluation/mnist_classifier.safetensors")
    for epochs in (1, 2):
        done = call("train", "--stacked-digits", 3, "--name", "stacked", "--epochs", epochs, *options, *classifier)
        assert done.returncode == 0, done.stderr
        assert re.search(r"samples 500, modes of stacked digits \d+, KL of modes to uniform", done.stdout)
    folder = RunDir(tmp_path / "stacked")
    metrics = folder.read_metrics()
    assert {"modes", "modes_kl", "modes_kl_floor", "raw_modes"} <= metrics.keys()
    assert not {"frechet", "nearest_ratio"} & metrics.keys()
    config, data = folder.read_config(), load_archives(small_archives)
    assert config is not None
    state, _ = checkpoints.load_newest(folder.checkpoints, initial_state(config))
    assert state is not None
    assert state.average is not None
    real = make_reference(data.train_images, data.test_images, load_classifier(), 100).feature_reference
    assert real is not None
    latents = sample_latents(jax.random.key(0), Stream.EVALUATION, 500)
    for prefix, params in (("", state.average), ("raw_", state.generator)):
        found = count_modes(real.classifier, real.digits, generate(params, latents, hparams=config.hparams))
        for name, value in found._asdict().items():
            assert metrics[f"{prefix}{name}"][-1] == pytest.approx(value), prefix + name
    assert folder.read_sample(2).shape == image_grid.grid(np.zeros((64, 3 * 784))).shape == (242, 8 * 86 + 2)
    for command in ("sample", "interpolate"):
        done = call(command, folder.path, "--out", tmp_path / f"{command}.png")
        assert done.returncode == 0, done.stderr
    done = call("verify", folder.path, "--archives", small_archives, *classifier)
    assert done.returncode == 0, done.stdout
