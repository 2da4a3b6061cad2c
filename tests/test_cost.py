"""The operations are counted as XLA counts them, and timings are what they are called."""

import jax
import jax.numpy as jnp
import pytest

from experiments.cost import cost_of_steps, flops
from gan_jax.config import Setting
from gan_jax.training import init_state, train_step


@pytest.mark.parametrize("steps", [1, 3])
def test_operations_are_those_that_xla_counts(steps):
    """XLA's own count of the compiled step, which has the element-wise operations too: at batch 512, below 5 % of all.

    It counts the body of the loop over discriminator steps once, whatever its length.
    """
    setting = Setting()
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), setting))
    images = jax.ShapeDtypeStruct((setting.batch_size, 784), jnp.uint8)
    compiled = train_step.lower(state, images, setting=setting, discriminator_steps=steps).compile()
    analysis = compiled.cost_analysis()
    assert analysis is not None
    counted = flops(setting.batch_size).iteration(1)
    assert counted <= analysis["flops"] <= 1.05 * counted
    # 1056 epochs of part_a: the eight parts together, by these operations.
    assert flops(512).iteration(1) == pytest.approx(16.4e9, rel=0.01)


def test_cost_is_timed_for_each_number_of_steps(mnist):
    small = mnist._replace(train_images=mnist.train_images[:512])
    cost = cost_of_steps(small, (1, 2), 2, Setting(batch_size=64))
    assert cost.steps == [1, 2]
    assert all(low <= seconds <= high for seconds, (low, high) in zip(cost.seconds, cost.spread, strict=True))
    assert cost.intercept + cost.slope == pytest.approx(cost.seconds[0])  # a line through two points
