from pathlib import Path

import chex
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch_file

from experiments.scripts.train_classifier import build_network, to_flax
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import UserError
from gan_jax.evaluation import classifier as module
from gan_jax.evaluation import classify, load_classifier
from gan_jax.evaluation.classifier import WEIGHTS
from gan_jax.types import Params

pytestmark = pytest.mark.numeric

ACCURACY = 0.992  # the promised accuracy; 0.9955 was measured after training
SIZE = 1_500_000  # bytes
# Weights rounded to float16, by 5e-4 of each, in sums of up to 3136 terms whose errors do not add up.
HALF_PRECISION = 5e-3
# The same float32 operations on blocks of different sizes.
BLOCKS = 1e-4


def test_accuracy_on_the_test_set(mnist: ImageDataset, classifier: Params) -> None:
    _, logits = classify(classifier, to_unit_range(mnist.test_images))
    assert np.mean(np.argmax(logits, axis=1) == mnist.test_labels) >= ACCURACY
    assert WEIGHTS.stat().st_size < SIZE


def test_trained_network_and_exported_one_agree(tmp_path: Path) -> None:
    """torch's forward pass is the reference for the layout, the padding and the folded normalization."""
    torch.manual_seed(0)
    network = build_network().eval()
    for layer in network:
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                assert values is not None
                torch.nn.init.uniform_(values, 0.5, 1.5)
    save_file(to_flax(network), tmp_path / "weights.safetensors")
    images = np.random.default_rng(0).uniform(-1, 1, (300, 784)).astype(np.float32)

    features, logits = classify(load_classifier(tmp_path / "weights.safetensors"), jnp.asarray(images))
    with torch.no_grad():
        expected_features = network[:-2](torch.from_numpy(images).view(-1, 1, 28, 28)).numpy()
        expected_logits = network(torch.from_numpy(images).view(-1, 1, 28, 28)).numpy()
    scale = np.abs(expected_features).max()
    np.testing.assert_allclose(features, expected_features, atol=HALF_PRECISION * scale)
    np.testing.assert_allclose(logits, expected_logits, atol=HALF_PRECISION * scale)


def test_each_image_is_classified_by_itself(mnist: ImageDataset, classifier: Params) -> None:
    images = to_unit_range(mnist.test_images[: module.BLOCK + 1])
    together, _ = classify(classifier, images)
    alone, _ = classify(classifier, images[-1:])
    np.testing.assert_allclose(together[-1:], alone, atol=BLOCKS)


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    monkeypatch.setattr(module, "WEIGHTS", damaged)
    with pytest.raises(UserError, match="SHA-256"):
        load_classifier()


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(UserError, match="cannot read"):
        load_classifier(path)
    path.write_bytes(b"not weights")
    with pytest.raises(UserError, match="cannot read"):
        load_classifier(path)
    tensors = load_file(WEIGHTS)
    tensors["logits.bias"] = np.zeros(11, np.float16)
    save_file(tensors, path)
    with pytest.raises(UserError, match=r"logits\.bias"):
        load_classifier(path)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wider_weights_are_accepted(dtype: type, tmp_path: Path, classifier: Params) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({name: tensor.astype(dtype) for name, tensor in load_file(WEIGHTS).items()}, path)
    loaded = load_classifier(path)
    chex.assert_trees_all_equal(loaded, classifier)
    chex.assert_tree_all_finite(loaded)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.int64, torch.bool])
def test_weights_of_other_types_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tensors = {name: torch.from_numpy(tensor.copy()) for name, tensor in load_file(WEIGHTS).items()}
    tensors["logits.bias"] = tensors["logits.bias"].to(dtype)
    save_torch_file(tensors, path)
    with pytest.raises(UserError, match=r"save (them|the tensors) as F16, F32 or F64") as caught:
        load_classifier(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])  # the last is infinite in float32
def test_weights_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tensors = load_file(WEIGHTS)
    tensors["features.bias"] = np.full(module.FEATURES, value, np.float64)
    save_file(tensors, path)
    with pytest.raises(UserError, match=r"features\.bias holds values that are not finite"):
        load_classifier(path)
