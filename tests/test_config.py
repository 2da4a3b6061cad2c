"""Configurations are validated on construction and survive a round trip through JSON."""

import json
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis import given

from gan_jax.config import (
    EXTENSION_FIELDS,
    FORMER_NAMES,
    MAX_DECAY,
    MAX_DIGITS,
    MAX_DROPOUT_RATE,
    MAX_GROUP,
    MAX_SEED,
    MAX_WEIGHT,
    Config,
    Hyperparameters,
)
from gan_jax.errors import UserError
from gan_jax.losses.adversarial import LOSSES
from gan_jax.schedules import Schedule


def hparams_with(groups: int, targets: dict[str, Any], **values: Any) -> Hyperparameters:
    """Return hyperparameters with this many groups a batch, and with targets if the loss uses them."""
    images = groups * values["pack_size"] * max(values["minibatch_stddev"], 1)
    read = targets if LOSSES[values["loss"]].uses_targets else {}
    return Hyperparameters(**values | read | {"batch_size": images})


decays, weights = st.floats(0, MAX_DECAY), st.floats(0, MAX_WEIGHT)
settings = st.builds(
    hparams_with,
    groups=st.integers(1, 100),
    targets=st.fixed_dictionaries(dict.fromkeys(("real_target", "fake_target", "generator_target"), st.floats(0, 1))),
    loss=st.sampled_from(sorted(LOSSES)),
    learning_rate=st.floats(1e-12, 1e3),
    dropout_rate=st.floats(0, MAX_DROPOUT_RATE),
    precision=st.sampled_from(["float32", "bfloat16"]),
    stacked_digits=st.integers(1, MAX_DIGITS),
    generator_learning_rate=st.none() | st.floats(1e-12, 1e3),
    generator_adam_b1=st.none() | decays,
    generator_adam_b2=st.none() | decays,
    cosine_decay_epochs=st.integers(0, 1000),
    ema_decay=decays,
    r1=weights,
    r2=weights,
    gradient_penalty=weights,
    dragan=weights,
    spectral_norm=st.booleans(),
    pack_size=st.integers(1, MAX_GROUP),
    minibatch_stddev=st.just(0) | st.integers(2, MAX_GROUP),
    instance_noise_std=weights,
)


def config_of(hparams: Hyperparameters, **values: Any) -> Config:
    """Return a configuration with enough epochs for cosine decay to stay above 0."""
    epochs = min(values["epochs"], hparams.cosine_decay_epochs or values["epochs"])
    return Config(hparams=hparams, **values | {"epochs": epochs})


configs = st.builds(
    config_of,
    name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9_-])?", fullmatch=True),
    seed=st.integers(0, MAX_SEED),
    epochs=st.integers(1, 1000),
    discriminator_steps=st.sampled_from(["1", "1: 32, 2-: 1", "1-50: 1, 51-: 1/2"]).map(Schedule.parse),
    hparams=settings,
)


@hypothesis.settings(max_examples=50)
@given(configs)
def test_json_keeps_every_bit(config):
    again = Config.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config
    assert hash(again) == hash(config)


@pytest.mark.parametrize(
    "values",
    [dict(epochs=0), dict(epochs=-3), dict(seed=-1), dict(seed=2**32), dict(name=""), dict(name="../x"),
     dict(name=".x"),      dict(name="a/b"), dict(name="a\n"), dict(dataset="cifar"), dict(epochs=10**9),
     dict(epochs=21, hparams=Hyperparameters(cosine_decay_epochs=20))],
)  # fmt: skip
def test_bad_runs_are_refused(values):
    with pytest.raises(UserError):
        Config(**(dict(name="x") | values))


@pytest.mark.parametrize(
    "values",
    [dict(loss="hinge?"), dict(real_target=1.1), dict(fake_target=-0.1), dict(generator_target=float("nan")),
     dict(batch_size=0), dict(learning_rate=0.0), dict(learning_rate=float("inf")), dict(dropout_rate=0.9995),
     dict(adam_b1=1.0), dict(adam_b2=-0.1), dict(precision="float16"), dict(generator_learning_rate=0.0),
     dict(stacked_digits=0), dict(stacked_digits=5),
     dict(generator_adam_b1=1.0), dict(generator_adam_b2="0.9"),
     dict(cosine_decay_epochs=-1), dict(cosine_decay_epochs=1.5),
     dict(ema_decay=1.0), dict(r1=-1.0), dict(r2=float("inf")), dict(gradient_penalty=float("nan")),
     dict(dragan=None), dict(pack_size=0), dict(pack_size=True), dict(pack_size=128), dict(pack_size=3),
     dict(pack_size=32, minibatch_stddev=32), dict(minibatch_stddev=-1), dict(minibatch_stddev=1),
     dict(minibatch_stddev=3),
     dict(instance_noise_std=-0.1), dict(spectral_norm=1), dict(spectral_norm="no")],
)  # fmt: skip
def test_bad_hyperparameters_are_refused(values):
    with pytest.raises(UserError):
        Hyperparameters(**values)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.uses_targets])
@pytest.mark.parametrize("target", [dict(real_target=0.9), dict(fake_target=0.1), dict(generator_target=0.9)], ids=str)
def test_unused_targets_are_refused(loss, target):
    with pytest.raises(UserError, match=f"the {loss} loss uses no target labels"):
        Hyperparameters(loss=loss, **target)


def test_configurations_of_earlier_versions_are_read():
    """Options added since then are off."""
    written = Config(name="x").to_json()
    written["setting"] = {name: value for name, value in written["setting"].items() if name not in EXTENSION_FIELDS}
    assert Config.from_json(written) == Config(name="x")


def test_former_names_of_fields_are_read():
    """The shipped runs have these names."""
    written = Config(name="x").to_json()
    former = {
        "averaging": 0.9, "channels": 3, "cosine_epochs": 200, "instance_noise": 0.1, "minibatch_deviation": 4,
        "packing": 2, "spectral_normalisation": True, "width": 2,
    }  # fmt: skip
    assert former.keys() == FORMER_NAMES.keys()
    kept = {name: value for name, value in written["setting"].items() if name not in FORMER_NAMES.values()}
    config = Config.from_json(written | {"setting": kept | former})
    assert config.hparams == Hyperparameters(
        ema_decay=0.9, stacked_digits=3, cosine_decay_epochs=200, instance_noise_std=0.1, minibatch_stddev=4,
        pack_size=2, spectral_norm=True, width_multiplier=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [{}, {"name": "x"}, {"name": "x", "discriminator_steps": 3, "setting": {}}, {"setting": None},
     {"name": "x", "discriminator_steps": "1", "setting": {"unknown": 1}},
     {"name": "x", "discriminator_steps": "1", "setting": {"batch_size": "many"}},
     {"name": 3, "discriminator_steps": "1", "setting": {}},
     {"name": "x", "discriminator_steps": "1", "setting": {}, "epochs": None}],
)  # fmt: skip
def test_damaged_configurations_are_refused(values):
    with pytest.raises(UserError):
        Config.from_json(values)
