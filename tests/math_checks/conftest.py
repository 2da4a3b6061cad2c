"""Float64 throughout, and reproducible hypothesis examples without a deadline."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

# No deadline on a shared machine; derandomized, so that a failure can be reproduced.
hypothesis.settings.register_profile("math_checks", deadline=None, derandomize=True, max_examples=20, database=None)


@pytest.fixture(scope="session", autouse=True)
def cache_every_program(cache: Path) -> Iterator[None]:
    """Cache even the smallest programs: a new function object then needs no new compilation."""
    name = "jax_persistent_cache_min_compile_time_secs"
    threshold = jax.config.values[name]
    jax.config.update(name, 0.0)
    yield
    jax.config.update(name, threshold)


@pytest.fixture(scope="module", autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
