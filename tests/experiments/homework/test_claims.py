"""A claim of the homework, tested on all of the real digits (minutes)."""

import pytest

from gan_jax.runs.run_dir import RunDir


@pytest.mark.slow
def test_part_b_is_dead_by_epoch_10(call, tmp_path):
    """D rejects every sample and G's gradient has vanished, unlike part_a's."""
    metrics = {}
    for part in ("part_a", "part_b"):
        done = call(part, "--epochs", 10, "--out", tmp_path)
        assert done.returncode == 0, done
        metrics[part] = RunDir(tmp_path / part).read_metrics()
    assert "G no longer learns" in done.stdout
    assert metrics["part_b"]["fake_probability"][9] < 1e-6
    norms = {part: columns["generator_gradient_norm"][9] for part, columns in metrics.items()}
    assert norms["part_b"] < 1e-4 * norms["part_a"]
