"""Float64 throughout, and hypothesis with the same examples every time and no clock."""

from collections.abc import Iterator

import hypothesis
import jax
import pytest

# A shared machine has no deadline to keep; a failure must be there again tomorrow.
hypothesis.settings.register_profile("math_checks", deadline=None, derandomize=True, max_examples=20, database=None)


@pytest.fixture(scope="module", autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
