"""Configurations are validated when made and survive the way through JSON."""

import json

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis import given

from gan_jax.config import MAX_SEED, Config, Setting
from gan_jax.dropout import MAX_DROPOUT_RATE
from gan_jax.errors import UserError
from gan_jax.losses import LOSSES
from gan_jax.schedules import Schedule

settings = st.builds(
    Setting,
    loss=st.sampled_from(sorted(LOSSES)),
    generator_target=st.floats(0, 1),
    real_target=st.floats(0, 1),
    fake_target=st.floats(0, 1),
    batch_size=st.integers(1, 10_000),
    learning_rate=st.floats(1e-12, 1e3),
    dropout_rate=st.floats(0, MAX_DROPOUT_RATE),
    precision=st.sampled_from(["float32", "bfloat16"]),
)
configs = st.builds(
    Config,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
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
     dict(name=".x"),      dict(name="a/b"), dict(name="a\n"), dict(dataset="cifar"), dict(epochs=10**9)],
)  # fmt: skip
def test_bad_runs_are_refused(values):
    with pytest.raises(UserError):
        Config(**(dict(name="x") | values))


@pytest.mark.parametrize(
    "values",
    [dict(loss="hinge?"), dict(real_target=1.1), dict(fake_target=-0.1), dict(generator_target=float("nan")),
     dict(batch_size=0), dict(learning_rate=0.0), dict(learning_rate=float("inf")), dict(dropout_rate=0.9995),
     dict(adam_b1=1.0), dict(adam_b2=-0.1), dict(precision="float16")],
)  # fmt: skip
def test_bad_settings_are_refused(values):
    with pytest.raises(UserError):
        Setting(**values)


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
