"""Wrong input to the Python API: one kind of error, with a line that says what was given and what to do."""

import re
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax.analysis.charts import compare_metric
from gan_jax.errors import UserError
from tests.helpers.printed import ROOT

CONFIG = gan_jax.Config(name="few", dataset="archives", epochs=1)


def test_images_and_configuration_must_agree(tmp_path, small_archives):
    digits = gan_jax.load_dataset(small_archives)
    for config, images in ((replace(CONFIG, dataset="mnist"), digits), (CONFIG, None)):
        with pytest.raises(UserError, match="your own"):
            gan_jax.train(config, images, out=tmp_path)
    with pytest.raises(UserError, match="unknown data set 'mnits'"):
        gan_jax.load_dataset("mnits")
    assert not list(tmp_path.iterdir())


ANY: Any = gan_jax  # whose types would refuse what is tried here
MISSPELLED = {
    "data set": (lambda: ANY.load_dataset("mnits"), "unknown data set 'mnits', did you mean mnist: choose from "),
    "capitals": (lambda: ANY.load_dataset("Fashion-MNIST"), "did you mean fashion_mnist"),
    "data set of a run": (lambda: ANY.Config(name="x", dataset="mnits"), "'mnits', did you mean mnist"),
    "loss": (lambda: ANY.Hyperparameters(loss="hinje"), "unknown loss 'hinje', did you mean hinge"),
    "pretrained": (lambda: ANY.sample(pretrained="part_bets"), "'part_bets', did you mean part_best"),
    "field": (lambda: ANY.Hyperparameters(learn_rate=1e-3), "'learn_rate', did you mean learning_rate"),
    "field of a run": (
        lambda: ANY.Config(name="x", epoch=5),
        "unknown field of Config 'epoch', did you mean epochs",
    ),
    "place": (lambda: ANY.Config(name="x", loss="hinge"), "Config(..., hparams=Hyperparameters(loss=...))"),
    "metric": (lambda: compare_metric({}, "coverege"), "unknown metric 'coverege', did you mean coverage"),
}


@pytest.mark.parametrize(("call", "message"), MISSPELLED.values(), ids=MISSPELLED)
def test_a_misspelled_name_is_answered_with_the_similar_one(call, message):
    with pytest.raises(UserError, match=re.escape(message)):
        call()


CONVERTED = {  # what was given, and what the message tells to do with it
    "floats in [0, 1]": (lambda pixels: pixels / 255, "np.rint(255 * train_images).astype(np.uint8)"),
    "floats in [-1, 1]": (lambda pixels: pixels / 127.5 - 1, "np.rint(127.5 * (train_images + 1)).astype(np.uint8)"),
    "floats of bytes": (lambda pixels: pixels.astype(float), "train_images.astype(np.uint8)"),
    "wide integers": (lambda pixels: pixels.astype(np.int64), "train_images.astype(np.uint8)"),
    "squares": (lambda pixels: pixels.reshape(-1, 28, 28), "train_images.reshape(len(train_images), -1)"),
    "zeros and ones": (lambda pixels: (pixels > 127).astype(np.uint8), "255 * train_images"),
}


@pytest.mark.parametrize(("change", "line"), CONVERTED.values(), ids=CONVERTED)
def test_images_that_are_no_bytes_are_refused_with_the_line_that_converts_them(tmp_path, mnist, change, line):
    """The line gives the pixels back, but for those that were 0 and 1; nothing is written before."""
    pixels = mnist.train_images[:1100]
    few = mnist._replace(train_images=change(pixels), train_labels=mnist.train_labels[:1100])
    with pytest.raises(UserError, match=re.escape(line)):
        gan_jax.train(gan_jax.Config(name="x", dataset="archives", epochs=1), few, out=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())
    for measure in (gan_jax.evaluate, gan_jax.count_modes):
        with pytest.raises(UserError, match=re.escape(line)):
            measure(jnp.full((20, 784), -0.5), few)
    if line != "255 * train_images":
        np.testing.assert_array_equal(eval(line, {"np": np, "train_images": few.train_images}), pixels)


WRONG_DATASETS = {
    "too few labels": (
        lambda data: data._replace(train_labels=data.train_labels[:9]),
        "60000 train images but 9 labels",
    ),
    "labels in float": (lambda data: data._replace(test_labels=data.test_labels / 1.0), "test_labels.astype(np.uint8)"),
    "a tuple": (tuple, "images are given as a gan_jax.ImageDataset, not tuple"),
    "ragged": (lambda data: data._replace(train_images=[[1, 2], [3]]), "train_images is no array"),
    "NaN": (lambda data: data._replace(train_images=np.full((60000, 784), np.nan)), "it holds NaN"),
}


@pytest.mark.parametrize(("change", "message"), WRONG_DATASETS.values(), ids=WRONG_DATASETS)
def test_a_data_set_is_checked_wherever_it_is_given(tmp_path, mnist, change, message):
    data, config = change(mnist), gan_jax.Config(name="x", dataset="archives", epochs=1)
    for call in (
        lambda: gan_jax.train(config, data, out=tmp_path, progress=False),
        lambda: gan_jax.evaluate(jnp.full((20, 784), -0.5), data),
        lambda: gan_jax.count_modes(jnp.full((20, 784), -0.5), data),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            call()
    assert not list(tmp_path.iterdir())


def test_a_configuration_is_required(tmp_path):
    with pytest.raises(UserError, match=r"train needs a gan_jax\.Config, not str"):
        gan_jax.train("mine", out=tmp_path)  # pyright: ignore[reportArgumentType]


def test_images_in_another_format_are_answered_with_what_is_read_and_what_to_do(tmp_path, monkeypatch, mnist):
    """The documentation says what to do, and doing it gives the images and labels back."""
    for part, images, labels in (
        ("train", mnist.train_images, mnist.train_labels),
        ("test", mnist.test_images[:4], [7] * 4),
    ):
        for place in range(3):
            path = tmp_path / "my_images" / part / str(labels[place]) / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[place].reshape(28, 28)).save(path)
    for source in (tmp_path / "my_images", str(tmp_path / "my_images")):
        with pytest.raises(UserError) as error:
            gan_jax.load_dataset(source)
        for part in ("expected are four files, each a gzipped IDX file", "found: test, train", "such as PNG files",
                     "gan_jax.ImageDataset", "docs/extending.md"):  # fmt: skip
            assert part in str(error.value)
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    [block] = [
        each for each in re.findall(r"^```python\n(.+?)^```$", page, re.M | re.S) if "PNG" in each or ".png" in each
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gan_jax, "train", lambda config, dataset: dataset)
    found: dict[str, Any] = {}
    exec(block, found)
    read = found["run"]
    assert read.train_images.dtype == read.train_labels.dtype == np.uint8
    order = np.argsort(mnist.train_labels[:3], kind="stable")
    np.testing.assert_array_equal(read.train_images, mnist.train_images[order])
    np.testing.assert_array_equal(read.train_labels, mnist.train_labels[order])
    assert read.test_labels.tolist() == [7, 7, 7]


WRONG_SAMPLES = {
    "NaN": (np.full((20, 784), np.nan), "hold NaN, in 20 of 20 images"),
    "one NaN": (np.where(np.arange(20 * 784).reshape(20, 784) == 5, np.nan, -0.5), "hold NaN, in 1 of 20 images"),
    "infinity": (np.full((20, 784), np.inf), "outside [-1, 1], from inf to inf"),
    "bytes": (np.tile(np.arange(196), (20, 4)), "outside [-1, 1], from 0 to 195; bytes are converted by"),
    "text": ([["a"] * 784] * 20, "must be an array of numbers"),
    "ragged": ([[1.0, 2.0], [3.0]], "must be an array of numbers"),
    "nothing": (None, "must be an array of numbers, float32 (n, 784) in [-1, 1], not NoneType"),
    "a scalar": (np.float32(0.5), "have the shape ()"),
    "squares": (np.zeros((20, 28, 28)), "have the shape (20, 28, 28), not (n, "),
}


@pytest.mark.parametrize(("samples", "message"), WRONG_SAMPLES.values(), ids=WRONG_SAMPLES)
def test_wrong_samples_are_an_error_of_the_user(small_archives, samples, message):
    digits = gan_jax.load_dataset(small_archives)
    for measure in (gan_jax.evaluate, gan_jax.count_modes):
        with pytest.raises(UserError, match=re.escape(message)):
            measure(samples, digits)
    with pytest.raises(UserError, match="cannot compare 5 samples"):
        gan_jax.evaluate(jnp.full((5, 784), -0.5), digits)


@pytest.mark.parametrize("images", [
    np.zeros((4, 3 * 784 + 1)), np.zeros((4, 28, 28, 3)), np.zeros((0, 784)), np.zeros((4, 5 * 784)),
    np.full((4, 784), 1.01), np.full((4, 784), np.nan),
])  # fmt: skip
def test_images_of_another_shape_have_no_modes(images):
    with pytest.raises(UserError, match="images"):
        gan_jax.count_modes(images)
