"""Configurations are validated when made and survive the way through JSON."""

import json
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis import given

from gan_jax.config import MAX_CHANNELS, MAX_DECAY, MAX_DROPOUT_RATE, MAX_GROUP, MAX_SEED, MAX_WEIGHT, Config, Setting
from gan_jax.errors import UserError
from gan_jax.losses import LOSSES
from gan_jax.schedules import Schedule


def setting_of(groups: int, targets: dict[str, Any], **values: Any) -> Setting:
    """Of so many groups a batch, and with targets if the loss reads them."""
    images = groups * values["packing"] * max(values["minibatch_deviation"], 1)
    read = targets if LOSSES[values["loss"]].reads_targets else {}
    return Setting(**values | read | {"batch_size": images})


decays, weights = st.floats(0, MAX_DECAY), st.floats(0, MAX_WEIGHT)
settings = st.builds(
    setting_of,
    groups=st.integers(1, 100),
    targets=st.fixed_dictionaries(dict.fromkeys(("real_target", "fake_target", "generator_target"), st.floats(0, 1))),
    loss=st.sampled_from(sorted(LOSSES)),
    learning_rate=st.floats(1e-12, 1e3),
    dropout_rate=st.floats(0, MAX_DROPOUT_RATE),
    precision=st.sampled_from(["float32", "bfloat16"]),
    channels=st.integers(1, MAX_CHANNELS),
    generator_learning_rate=st.none() | st.floats(1e-12, 1e3),
    generator_adam_b1=st.none() | decays,
    generator_adam_b2=st.none() | decays,
    cosine_epochs=st.integers(0, 1000),
    averaging=decays,
    r1=weights,
    r2=weights,
    gradient_penalty=weights,
    dragan=weights,
    spectral_normalisation=st.booleans(),
    packing=st.integers(1, MAX_GROUP),
    minibatch_deviation=st.just(0) | st.integers(2, MAX_GROUP),
    instance_noise=weights,
)


def config_of(setting: Setting, **values: Any) -> Config:
    """Of epochs in which learning rates that fall are above 0."""
    epochs = min(values["epochs"], setting.cosine_epochs or values["epochs"])
    return Config(setting=setting, **values | {"epochs": epochs})


configs = st.builds(
    config_of,
    name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9_-])?", fullmatch=True),
    seed=st.integers(0, MAX_SEED),
    epochs=st.integers(1, 1000),
    discriminator_steps=st.sampled_from(["1", "1: 32, 2-: 1", "1-50: 1, 51-: 1/2"]).map(Schedule.parse),
    setting=settings,
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
     dict(epochs=21, setting=Setting(cosine_epochs=20))],
)  # fmt: skip
def test_bad_runs_are_refused(values):
    with pytest.raises(UserError):
        Config(**(dict(name="x") | values))


@pytest.mark.parametrize(
    "values",
    [dict(loss="hinge?"), dict(real_target=1.1), dict(fake_target=-0.1), dict(generator_target=float("nan")),
     dict(batch_size=0), dict(learning_rate=0.0), dict(learning_rate=float("inf")), dict(dropout_rate=0.9995),
     dict(adam_b1=1.0), dict(adam_b2=-0.1), dict(precision="float16"), dict(generator_learning_rate=0.0),
     dict(channels=0), dict(channels=5),
     dict(generator_adam_b1=1.0), dict(generator_adam_b2="0.9"), dict(cosine_epochs=-1), dict(cosine_epochs=1.5),
     dict(averaging=1.0), dict(r1=-1.0), dict(r2=float("inf")), dict(gradient_penalty=float("nan")),
     dict(dragan=None), dict(packing=0), dict(packing=True), dict(packing=128), dict(packing=3),
     dict(packing=32, minibatch_deviation=32), dict(minibatch_deviation=-1), dict(minibatch_deviation=1),
     dict(minibatch_deviation=3),
     dict(instance_noise=-0.1), dict(spectral_normalisation=1), dict(spectral_normalisation="no")],
)  # fmt: skip
def test_bad_settings_are_refused(values):
    with pytest.raises(UserError):
        Setting(**values)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.reads_targets])
@pytest.mark.parametrize("target", [dict(real_target=0.9), dict(fake_target=0.1), dict(generator_target=0.9)], ids=str)
def test_targets_that_nothing_reads_are_refused(loss, target):
    with pytest.raises(UserError, match=f"the {loss} loss knows no targets"):
        Setting(loss=loss, **target)


def test_configurations_of_earlier_versions_are_read():
    """Without the options that have come since, which are then off."""
    written = Config(name="x").to_json()
    since = ("channels", "generator_learning_rate", "generator_adam_b1", "generator_adam_b2", "cosine_epochs",
             "averaging", "r1", "r2", "gradient_penalty", "dragan", "spectral_normalisation", "packing",
             "minibatch_deviation", "instance_noise")  # fmt: skip
    written["setting"] = {name: value for name, value in written["setting"].items() if name not in since}
    assert Config.from_json(written) == Config(name="x")


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
