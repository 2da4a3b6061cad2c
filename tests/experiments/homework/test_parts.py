"""The parts match the homework's table, and their discriminators take the scheduled number of steps."""

import jax
import jax.numpy as jnp
import pytest

from experiments.homework.parts import PARTS
from gan_jax.config import Hyperparameters
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

pytestmark = pytest.mark.usefixtures("narrow_runs")

# By part: generator loss, D steps by epoch (1 to 100), targets for D on real, D on generated, and G.
TABLE = {
    "part_a": ("non_saturating", [1] * 100, (1, 0, 1)),
    "part_b": ("saturating", [1] * 100, (1, 0, 1)),
    "part_c1": ("non_saturating", [32] + [1] * 99, (1, 0, 1)),
    "part_c2": ("non_saturating", [16] + [8] * 9 + [4] * 10 + [2] * 10 + [1] * 70, (1, 0, 1)),
    "part_c3": ("non_saturating", [1] * 50 + [1, 2] * 25, (1, 0, 1)),
    "part_c4": ("non_saturating", [4] * 100, (1, 0, 1)),
    "part_c5": ("non_saturating", [1] * 100, (0.9, 0.1, 0.9)),
    "part_c6": ("non_saturating", [1] * 100, (0.9, 0, 1)),
}


def test_all_parts_exist():
    assert set(PARTS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_part_matches_the_homework(name):
    loss, steps, targets = TABLE[name]
    config = PARTS[name].config
    assert config.name == name
    assert config.hparams.loss == loss
    assert [config.discriminator_steps.steps(epoch) for epoch in range(1, 101)] == steps
    assert config.hparams.targets == targets
    assert (config.dataset, config.epochs, config.hparams.batch_size) == ("mnist", 100, 512)
    assert (config.hparams.learning_rate, config.hparams.adam_b1, config.hparams.adam_b2) == (2e-4, 0.9, 0.999)
    assert config.hparams.dropout_rate == 0.3
    assert PARTS[name].baseline == (None if name == "part_a" else "part_a")


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("part_c1", (1, 2, 3)),
        pytest.param("part_c2", (1, 2, 10, 11, 20, 21, 30, 31), marks=pytest.mark.slow),
        ("part_c3", (49, 50, 51, 52, 53, 54)),
    ],
)
def test_discriminator_updates_follow_the_schedule(mnist, name, epochs):
    """Adam's count, over epochs that change the number of steps; one compilation per distinct number."""
    images = jnp.asarray(mnist.train_images[:96])
    schedule, hparams = PARTS[name].config.discriminator_steps, Hyperparameters(batch_size=32)
    compiled = train_epoch
    compiled.clear_cache()  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
    state = init_state(jax.random.key(0), hparams)
    expected = [TABLE[name][1][epoch - 1] for epoch in epochs]
    for done, epoch in enumerate(epochs, start=1):
        state, _ = train_epoch(state, images, hparams=hparams, discriminator_steps=schedule.steps(epoch))
        assert int(state.discriminator_optimizer[0].count) == 3 * sum(expected[:done])
    assert int(state.generator_optimizer[0].count) == 3 * len(epochs)
    assert compiled._cache_size() == len(set(expected))  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
