"""A trained generator comes out of a run, a file and the package with the parameters that went in, or is refused."""

from dataclasses import replace
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import UserError
from gan_jax.evaluation import classify, load_classifier
from gan_jax.evaluation.class_histogram import classes_covered, digit_histogram
from gan_jax.inference import pretrained
from gan_jax.inference.pretrained import PRETRAINED, load_discriminator, load_generator, write_generator
from gan_jax.inference.sampling import sample_images
from gan_jax.runs import checkpoints
from gan_jax.runs.run_dir import RunDir
from gan_jax.runs.trainer import initial_state
from gan_jax.training.apply_fns import discriminate

CONFIG = Config(name="mine", seed=3, epochs=2)
# Weights rounded to float16, by up to 5e-4 of each, in sums of up to 1024 terms whose errors do not add up.
HALF_PRECISION = 5e-3


def make_run(path: Path, config: Config = CONFIG, epochs: tuple[int, ...] = (1, 2)) -> Path:
    """A run's folder with checkpoints of so many epochs, each an untrained state of its own."""
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


def test_the_newest_checkpoint_is_taken(run):
    found = load_generator(run)
    state = initial_state(replace(CONFIG, seed=5))
    chex.assert_trees_all_equal(found.params, state.generator)
    assert found[1:] == (CONFIG, 2, checkpoints.params_sha256(state), "c" * 40)


def test_a_damaged_checkpoint_is_passed_over_and_told(run, tmp_path):
    copied = make_run(tmp_path / "copied")
    (copied / "checkpoints" / "epoch_002.safetensors").write_bytes(b"")
    told: list[str] = []
    assert load_generator(copied, told.append).epoch == 1
    assert len(told) == 1
    assert "is damaged" in told[0]


def test_a_file_gives_the_same_images_but_for_its_rounding(run, tmp_path):
    path = tmp_path / "mine.safetensors"
    whole = load_generator(run)
    write_generator(path, whole)
    half = load_generator(path)
    assert half[1:] == whole[1:]
    assert {leaf.dtype for leaf in jax.tree.leaves(half.params)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(sample_images(half, 64, 0), sample_images(whole, 64, 0), atol=HALF_PRECISION)
    again = tmp_path / "again.safetensors"
    write_generator(again, half)  # float16 to float32 and back changes nothing
    assert again.read_bytes() == path.read_bytes()


def test_tensorfloat32_is_sampled_in_float32(tmp_path):
    config = replace(CONFIG, hparams=Hyperparameters(precision="tensorfloat32"))
    found = load_generator(make_run(tmp_path / "mine", config, (1,)))
    assert found.hparams == replace(config.hparams, precision="float32")
    assert sample_images(found, 2, 0).shape == (2, 784)


def test_the_shipped_one_writes_digits():
    """All ten, as `part_a` does after 100 epochs; an untrained generator's images are of one or two classes."""
    found = load_generator()
    assert (found.config.name, found.config.seed, found.epoch) == ("part_a-seed_1", 1, 100)
    assert PRETRAINED.stat().st_size < 3_000_000
    _, logits = classify(load_classifier(), sample_images(found, 1000, 0))
    assert classes_covered(digit_histogram(logits)) == 10


def test_what_is_no_generator_is_refused(run, tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    found = load_generator(run)
    write_generator(path, found)
    tensors = load_file(path)

    def refused(told: str, source: Path | None = path) -> None:
        with pytest.raises(UserError, match=told) as caught:
            load_generator(source)
        assert "\n" not in str(caught.value)

    save_file(tensors, path)
    refused("does not say which generator")
    save_file(tensors, path, {"description": "{"})
    refused("cannot read the description")
    save_file(tensors, path, {"description": '{"config": {}}'})
    refused("does not say which generator")
    write_generator(path, found._replace(config=replace(CONFIG, hparams=Hyperparameters(width_multiplier=2))))
    refused("does not hold the generator that it describes: see hidden_1")
    content = bytearray(PRETRAINED.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(pretrained, "PRETRAINED", path)
    refused("is damaged: its SHA-256", None)
    refused("holds no run", tmp_path)
    refused("has no checkpoint", make_run(tmp_path / "begun", epochs=()))
    RunDir(tmp_path / "begun").write_manifest({"trainer": "torch"})
    refused("was trained by torch", tmp_path / "begun")


def test_weights_too_large_for_float16_are_not_written(run, tmp_path):
    found = load_generator(run)
    params = jax.tree.map(lambda leaf: leaf * 1e7, found.params)
    with pytest.raises(UserError, match="too large for float16"):
        write_generator(tmp_path / "large.safetensors", found._replace(params=params))
    assert not list(tmp_path.iterdir())


def test_the_shipped_discriminator_tells_real_digits_from_the_shipped_generators(mnist):
    """As it did when its run ended: D(x) 0.76, D(G(z)) 0.25 with dropout."""
    hparams = load_generator().hparams
    real = jnp.asarray(mnist.train_images[:500] / 127.5 - 1, jnp.float32)
    verdicts = [
        discriminate(load_discriminator(), images, hparams=hparams).mean()
        for images in (real, sample_images(load_generator(), 500, 0))
    ]
    assert verdicts[0] > 0.6
    assert verdicts[1] < 0.4
