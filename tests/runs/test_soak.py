"""A run killed at moments of every kind ends with the same bits as one that is not."""

import pytest

from tests.helpers.soak import soak


@pytest.mark.parametrize("kills", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_leave_no_trace(tmp_path, kills):
    """One of the kills comes while a checkpoint is written."""
    found = soak(tmp_path / "soak", kills)
    assert found["kills"] == kills
    assert found["same_parameters"]
    assert found["same_metrics"]
    assert found["same_images"]
    assert found["nothing_left_behind"]
