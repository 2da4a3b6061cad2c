"""Every hyperparameter has an option of `./run.sh train` that reaches the configuration to be trained."""

import dataclasses
import re
from dataclasses import replace
from typing import Any

import pytest

from experiments.commands import train
from experiments.harness.options import configure
from experiments.homework.parts import PART_BEST
from gan_jax.config import Config, Hyperparameters
from gan_jax.losses.adversarial import LOSSES
from gan_jax.losses.gradient_penalty import PENALTIES
from tests.helpers.printed import Page

FIELDS = {field.name: field for field in dataclasses.fields(Hyperparameters)}
# For each field, a value that is not its default: one more, or what the field needs.
VALUES: dict[str, Any] = {name: field.default + 1 for name, field in FIELDS.items() if type(field.default) is float} | {
    "loss": "saturating",
    "real_target": 0.9,
    "fake_target": 0.1,
    "generator_target": 0.8,
    "batch_size": 96,
    "learning_rate": 1e-3,
    "adam_b1": 0.5,
    "adam_b2": 0.9,
    "dropout_rate": 0.2,
    "width_multiplier": 2,
    "precision": "bfloat16",
    "stacked_digits": 3,
    "generator_learning_rate": 3e-4,
    "generator_adam_b1": 0.0,
    "generator_adam_b2": 0.99,
    "cosine_decay_epochs": 150,  # longer than the run's 100
    "ema_decay": 0.995,
    "spectral_norm": True,
    "pack_size": 4,
    "minibatch_stddev": 8,
    "instance_noise_std": 0.1,
    "plugin_penalties": "mine: 0.5",
}


@pytest.fixture(autouse=True)
def penalty_of_a_plugin(monkeypatch):
    monkeypatch.setitem(PENALTIES, "mine", PENALTIES["r1"])


@pytest.fixture
def trained(call, monkeypatch):
    """Return a function that gives the configuration `train` would use with these options."""

    def trained(*arguments: object) -> Config:
        asked = []
        monkeypatch.setattr(train, "train_seeds", lambda base, options: asked.extend(configure(base, options)))
        done = call("train", *arguments)
        assert done.returncode == 0, done
        [config] = asked
        return config

    return trained


def option_for(name: str) -> list[object]:
    """Return a field's option, with its value unless it is a flag."""
    option = "--" + name.replace("_", "-")
    return [option] if VALUES[name] is True else [option, VALUES[name]]


def test_the_default_is_part_a(trained):
    assert trained() == Config(name="train")


@pytest.mark.parametrize("name", FIELDS)
def test_an_option_sets_its_field_and_no_other(trained, name):
    assert VALUES[name] != FIELDS[name].default
    assert trained(*option_for(name)).hparams == Hyperparameters(**{name: VALUES[name]})


def test_all_options_together(trained):
    """The batch size is a multiple of the group size, 3 x 8, which 512 is not."""
    options: dict[str, Any] = VALUES | {"pack_size": 3}
    arguments = [argument for name in options if name != "pack_size" for argument in option_for(name)]
    assert trained(*arguments, "--pack-size", 3, "--discriminator-steps", "1: 2, 2-: 1").hparams == Hyperparameters(
        **options
    )


def test_cosine_decay_spans_the_given_epochs(trained):
    assert trained("--epochs", 20, "--cosine-decay-epochs", 20).epochs == 20


def test_part_best_from_options(trained):
    """The command on the page of commands, meant to be varied; it trains for fewer epochs than part_best."""
    [command] = re.findall(r"^\./run\.sh train --name best(.+?)#", Page("commands").text, re.DOTALL | re.MULTILINE)
    config = trained(*command.replace("\\\n", " ").split())
    assert replace(config, name="part_best", epochs=PART_BEST.config.epochs) == PART_BEST.config


@pytest.mark.parametrize("command", ["part_best", "part_a", "improvements"])
def test_a_misplaced_option_of_train_is_explained(call, command):
    done = call(command, "--instance-noise-std", 0.1)
    assert (done.returncode, done.stderr) == (
        2,
        "run.sh: error: --instance-noise-std is an option of ./run.sh train alone\n",
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_can_be_selected(trained, loss):
    assert trained("--loss", loss).hparams.loss == loss
