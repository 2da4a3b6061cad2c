"""Generators from a run, a file and the package: equal parameters after a round trip, or a refusal."""

import hashlib
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors.numpy import load_file, save_file

from experiments.scripts import ship_networks
from gan_jax.config import Config, Hyperparameters
from gan_jax.data.datasets import load
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import UserError
from gan_jax.evaluation import classify, load_classifier
from gan_jax.evaluation.class_histogram import classes_covered, digit_histogram, kl_to_uniform
from gan_jax.inference import pretrained
from gan_jax.inference.pretrained import (
    PRETRAINED,
    WEIGHTS,
    Files,
    load_discriminator,
    load_generator,
    write_generator,
)
from gan_jax.inference.quantized import MAX_BYTES, encode_quantized, read_quantized
from gan_jax.inference.sampling import sample_images
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.apply_fns import discriminate, discriminator_logits, discriminator_weights
from gan_jax.types import DEFAULT_PRETRAINED, Pretrained

CONFIG = Config(name="mine", seed=3, epochs=2)
# Weights rounded to float16, by up to 5e-4 of each, in sums of up to 1024 terms whose errors do not add up.
HALF_PRECISION = 5e-3


def make_run(path: Path, config: Config = CONFIG, epochs: tuple[int, ...] = (1, 2)) -> Path:
    """Make a run directory with checkpoints of these epochs, each of a different untrained state."""
    folder = RunDir(path)
    folder.write_config(config)
    folder.write_manifest({"trainer": "jax", "git_commit": "c" * 40})
    for epoch in epochs:
        state = initial_state(replace(config, seed=config.seed + epoch))
        checkpoints.save(folder.checkpoints, state._replace(epoch=jnp.int32(epoch)))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "mine")


def test_the_newest_checkpoint_is_loaded(run):
    found = load_generator(run)
    state = initial_state(replace(CONFIG, seed=5))
    chex.assert_trees_all_equal(found.params, state.generator)
    assert found[1:] == (CONFIG, 2, checkpoints.params_sha256(state), "c" * 40)


def test_a_damaged_checkpoint_is_skipped_and_reported(run, tmp_path):
    copied = make_run(tmp_path / "copied")
    (copied / "checkpoints" / "epoch_002.safetensors").write_bytes(b"")
    log: list[str] = []
    assert load_generator(copied, log=log.append).epoch == 1
    assert len(log) == 1
    assert "is corrupt" in log[0]


def test_a_file_gives_the_same_images_up_to_float16_rounding(run, tmp_path):
    path = tmp_path / "mine.safetensors"
    whole = load_generator(run)
    write_generator(path, whole)
    half = load_generator(path)
    assert half[1:] == whole[1:]
    assert {leaf.dtype for leaf in jax.tree.leaves(half.params)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(sample_images(half, 64, 0), sample_images(whole, 64, 0), atol=HALF_PRECISION)
    again = tmp_path / "again.safetensors"
    write_generator(again, half)  # float16 to float32 and back is exact
    assert again.read_bytes() == path.read_bytes()


def test_a_tensorfloat32_run_is_sampled_in_float32(tmp_path):
    config = replace(CONFIG, hparams=Hyperparameters(precision="tensorfloat32"))
    found = load_generator(make_run(tmp_path / "mine", config, (1,)))
    assert found.hparams == replace(config.hparams, precision="float32")
    assert sample_images(found, 2, 0).shape == (2, 784)


@pytest.mark.parametrize(("name", "least_even"), [("part_best", 0.05), ("part_a", 0.4)])
def test_the_shipped_generators_draw_digits(name, least_even):
    """Samples have all ten classes, as evenly as the run's own; an untrained generator's have one or two."""
    found = load_generator(pretrained=name)
    assert (found.config.name.partition("-")[0], found.epoch) == (name, 100)
    _, logits = classify(load_classifier(), sample_images(found, 1000, 0))
    histogram = digit_histogram(logits)
    assert classes_covered(histogram) == 10
    # The runs' own 10 000 samples have 0.004 and 0.2; 1000 samples of even classes have 0.0045 by chance.
    assert kl_to_uniform(histogram) < least_even


def test_what_is_shipped_is_small():
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert len(files) == 2 * len(PRETRAINED)
    assert max(path.stat().st_size for path in files) <= MAX_BYTES
    assert set(get_args(Pretrained)) == set(PRETRAINED)


def test_quantized_weights_are_within_half_a_level_and_the_file_is_reproducible(run, tmp_path):
    params = jax.tree.map(lambda leaf: leaf[..., :32], load_generator(run).params)
    content = encode_quantized(params, {"x": 1})
    assert encode_quantized(params, {"x": 1}) == content
    (tmp_path / "a").write_bytes(content)
    tensors, description = read_quantized(tmp_path / "a", hashlib.sha256(content).hexdigest())
    assert description == {"x": 1}
    for name, tensor in flatten_dict(params["params"], sep=".").items():
        values = np.asarray(tensor)
        bound = np.abs(values).max(axis=0) / 127 / 2 * (1 + 1e-5) if values.ndim == 2 else 0  # and float32's rounding
        assert (np.abs(tensors[name] - values) <= bound).all()


def test_invalid_generators_are_refused(run, tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    found = load_generator(run)
    write_generator(path, found)
    tensors = load_file(path)

    def refused(message: str, source: Path | None = path) -> None:
        with pytest.raises(UserError, match=message) as caught:
            load_generator(source)
        assert "\n" not in str(caught.value)

    save_file(tensors, path)
    refused("does not say which generator")
    save_file(tensors, path, {"description": "{"})
    refused("cannot read the description")
    save_file(tensors, path, {"description": '{"config": {}}'})
    refused("does not say which generator")
    write_generator(path, found._replace(config=replace(CONFIG, hparams=Hyperparameters(width_multiplier=2))))
    refused("does not match the layout of the generator that it describes; mismatched tensors: hidden_1")
    content = bytearray((WEIGHTS / DEFAULT_PRETRAINED / "generator.safetensors.gz").read_bytes())
    content[-1] ^= 1
    (tmp_path / DEFAULT_PRETRAINED).mkdir()
    (tmp_path / DEFAULT_PRETRAINED / "generator.safetensors.gz").write_bytes(content)
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    refused("is damaged: its SHA-256", None)
    with pytest.raises(UserError, match="choose from part_best, part_a"):
        load_generator(pretrained="part_x")  # pyright: ignore[reportArgumentType]
    refused("is not a run directory", tmp_path)
    refused("has no checkpoint", make_run(tmp_path / "begun", epochs=()))
    RunDir(tmp_path / "begun").write_manifest({"trainer": "torch"})
    refused("was trained by torch", tmp_path / "begun")


def test_weights_too_large_for_float16_are_not_written(run, tmp_path):
    found = load_generator(run)
    params = jax.tree.map(lambda leaf: leaf * 1e7, found.params)
    with pytest.raises(UserError, match="too large for float16"):
        write_generator(tmp_path / "large.safetensors", found._replace(params=params))
    assert not list(tmp_path.iterdir())


def test_the_shipped_discriminator_separates_real_from_generated_digits(mnist):
    """The outputs are those at the end of part_a's run: D(x) 0.76, D(G(z)) 0.25 with dropout."""
    generator, discriminator = load_generator(pretrained="part_a"), load_discriminator("part_a")
    real = jnp.asarray(mnist.train_images[:500] / 127.5 - 1, jnp.float32)
    d_outputs = [
        discriminate(discriminator.params, images, hparams=generator.hparams).mean()
        for images in (real, sample_images(generator, 500, 0))
    ]
    assert discriminator.offset == 0
    assert d_outputs[0] > 0.6
    assert d_outputs[1] < 0.4


def test_the_offset_of_the_shipped_relativistic_discriminator_is_its_mean_logit_on_test_images(mnist):
    discriminator = load_discriminator("part_best")
    images = jnp.asarray(mnist.test_images / 127.5 - 1, jnp.float32)
    logits = discriminator_logits(discriminator.params, images, load_generator().hparams)
    # Weights in 8 bits move a logit by 5e-4 here; 2e-3 is 0.05 % of the probability that the page shows.
    assert float(logits.mean()) == pytest.approx(discriminator.offset, abs=2e-3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_not_encoded(run, value):
    params = jax.tree.map(lambda leaf: leaf.at[0].set(value), load_generator(run).params)
    with pytest.raises(UserError, match="not finite"):
        encode_quantized(params, {})


def test_more_weights_than_a_file_takes_are_not_encoded(run):
    with pytest.raises(UserError, match="more than 1500000"):
        encode_quantized(load_generator(run).params, {})  # untrained ones hardly compress


def test_networks_of_a_finished_run_are_shipped_and_come_back(narrow_runs, tmp_path, monkeypatch, capsys):
    """The run's G is its average, and its D's kernels are divided by their spectral norms."""
    hparams = Hyperparameters(ema_decay=0.9, spectral_norm=True, loss="relativistic")
    config = replace(CONFIG, dataset="mnist", hparams=hparams)
    folder = RunDir(make_run(tmp_path / "mine", config))
    with pytest.raises(UserError, match="is not finished"):
        ship_networks.main(folder.path, "mine")
    folder.write_manifest(folder.read_manifest() | {"epochs": 2})
    monkeypatch.setattr(ship_networks, "WEIGHTS", tmp_path)
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    ship_networks.main(folder.path, "part_a")
    hashes = dict(re.findall(r"(\w+)='(\w+)'", capsys.readouterr().out))
    monkeypatch.setitem(PRETRAINED, "part_a", Files(**hashes))
    state, _ = checkpoints.load_newest(folder.checkpoints, initial_state(config))
    assert state is not None
    assert state.average is not None
    generator, discriminator = load_generator(pretrained="part_a"), load_discriminator("part_a")
    expected = discriminator_weights(state.discriminator, hparams)
    for found, exact in ((generator.params, state.average), (discriminator.params, expected)):
        kernel, shipped = (tree["params"]["hidden_1"]["kernel"] for tree in (exact, found))
        assert float(jnp.abs(shipped - kernel).max()) <= 0.004 * float(jnp.abs(kernel).max())  # half a level of 127
    images = to_unit_range(load("mnist").test_images)
    logits = discriminator_logits(state.discriminator, images, hparams)
    assert discriminator.offset == pytest.approx(float(logits.mean()), abs=1e-5)  # float32 sums in another order
