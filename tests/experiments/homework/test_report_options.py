"""Runs with further options in the report: their hyperparameters, D's output and their networks."""

import shutil
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest

from gan_jax.config import Config, Hyperparameters
from gan_jax.reports import live_generator
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.apply_fns import discriminator_weights
from tests.helpers.shipped import RESULTS, copy_of_part_a, make_page_of


def test_a_run_with_only_a_parts_name_is_no_part(tmp_path):
    path = copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    config = Config(name="part_a", hparams=Hyperparameters(dropout_rate=0.1))
    RunDir(path).write_config(config)
    page = make_page_of(tmp_path)
    assert page.parts[0].missing
    assert [section.title for section in page.others] == ["part_a"]


def test_a_run_with_further_options_is_no_part_and_lists_them(tmp_path):
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    folder = RunDir(tmp_path / "part_a")
    config = folder.read_config()
    assert config is not None
    [section] = make_page_of(tmp_path, whole=False).parts
    assert not {"r1", "pack size", "generator adam b1"} & {name for name, _ in section.hparams}
    folder.write_config(replace(config, hparams=replace(config.hparams, r1=5.0)))
    page = make_page_of(tmp_path, whole=False)
    assert not page.parts
    assert ("r1", "5") in page.others[0].hparams


@pytest.mark.parametrize(("loss", "dies"), [("saturating", True), ("relativistic", False)])
def test_only_a_d_that_is_not_shift_invariant_can_be_reported_dead(tmp_path: Path, loss: str, dies: bool):
    """part_b's metrics, in which D(G(z)) is 1e-22, as if trained with this loss."""
    shutil.copytree(RESULTS / "part_b", tmp_path / "mine")
    folder = RunDir(tmp_path / "mine")
    config = folder.read_config()
    assert config is not None
    folder.write_config(replace(config, name="mine", hparams=replace(config.hparams, loss=loss)))
    [section] = make_page_of(tmp_path, whole=False).others
    assert any("D rejects nearly every sample" in line for line in section.warnings) == dies
    assert any("all samples are one shape" in line for line in section.warnings)


@pytest.mark.parametrize(
    ("options", "shows_d"),
    [
        (dict(loss="hinge"), True),
        (dict(loss="hinge", spectral_norm=True), True),
        (dict(loss="relativistic"), True),
        (dict(pack_size=2), False),
        (dict(minibatch_stddev=4), False),
    ],
    ids=str,
)
def test_a_d_is_shown_unless_it_takes_several_images(tmp_path, options, shows_d):
    """A spectrally normalized D has its effective weights, and a relativistic one the mean logit of real images."""
    copy_of_part_a(tmp_path / "mine", 0, name="mine")
    folder = RunDir(tmp_path / "mine")
    config = folder.read_config()
    assert config is not None
    config = replace(config, hparams=replace(config.hparams, **options))
    folder.write_config(config)
    state = initial_state(config)._replace(epoch=jnp.int32(1))
    checkpoints.save(folder.checkpoints, state)
    found = make_page_of(tmp_path, whole=False).generator.choices[0]
    assert ("Under each image is D's" in found.about) == shows_d
    assert (found.discriminator is not None) == shows_d
    if shows_d:
        weights = discriminator_weights(state.discriminator, config.hparams)["params"]
        expected = live_generator.embed(found.name, found.about, state.generator["params"], weights, found.offset)
        assert found == expected
        assert (found.offset != 0) == (config.hparams.loss == "relativistic")


def test_a_run_of_stacked_digits_does_not_replace_the_shipped_networks(tmp_path):
    copy_of_part_a(tmp_path / "stacked", 0, name="stacked")
    folder = RunDir(tmp_path / "stacked")
    config = folder.read_config()
    assert config is not None
    folder.write_config(replace(config, hparams=replace(config.hparams, stacked_digits=3)))
    folder.checkpoints.mkdir()
    found = make_page_of(tmp_path, whole=False).generator
    assert found.choices[0].name == "part_best after epoch 100"
    assert "No run of single digits" in found.notes[0]
