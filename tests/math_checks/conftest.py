"""Float64 throughout, and hypothesis with the same examples every time and no clock."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

# A shared machine has no deadline to keep; a failure must be there again tomorrow.
hypothesis.settings.register_profile("math_checks", deadline=None, derandomize=True, max_examples=20, database=None)


@pytest.fixture(scope="session", autouse=True)
def every_program_once(cache: Path) -> Iterator[None]:
    """Keep even the smallest programs in the suite's cache: a new function object need not be a new compilation."""
    name = "jax_persistent_cache_min_compile_time_secs"
    threshold = jax.config.values[name]
    jax.config.update(name, 0.0)
    yield
    jax.config.update(name, threshold)


@pytest.fixture(scope="module", autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
