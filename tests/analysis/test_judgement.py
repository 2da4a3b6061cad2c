"""Judgement of a run by its metrics: each state and its sentence, at the thresholds."""

import numpy as np
import pytest

from gan_jax.analysis.judgement import Judgement, describe_phases, judge, warnings, with_largest_share
from gan_jax.analysis.metrics import DIGIT_SHARES
from gan_jax.config import Config, Hyperparameters

EVEN = (0.1,) * 10
ONES = (0.0, 0.96, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.04, 0.0)
UNEVEN = (0.2, 0.2, 0.2, 0.2, 0.1, 0.081, 0.01, 0.009, 0.0, 0.0)


def judged(
    shares=(EVEN,),
    precision=(0.9,),
    recall=(0.2,),
    norms=(1.0,),
    outputs=(0.3,),
    frechet=(280.0,),
    loss="non_saturating",
    **more,
) -> Judgement:
    """Judge a run of as many epochs as the longest argument has; shorter ones keep their last value."""
    length = max(map(len, (shares, precision, recall, norms, outputs, frechet)))

    def column(values):
        return np.array([*values, *[values[-1]] * (length - len(values))], float)

    rows = np.array([*shares, *[shares[-1]] * (length - len(shares))], float)
    metrics = {
        "epoch": np.arange(1.0, length + 1),
        "fake_probability": column(outputs),
        "discriminator_accuracy": np.full(length, 0.8),
        "generator_gradient_norm": column(norms),
        "precision": column(precision),
        "recall": column(recall),
        "classes_covered": (rows >= 0.01).sum(axis=1).astype(float),
        "frechet": column(frechet),
    } | dict(zip(DIGIT_SHARES, rows.T, strict=True))
    return judge(Config(name="x", hparams=Hyperparameters(loss=loss)), metrics, **more)


def test_a_healthy_run_has_no_warning():
    found = judged()
    assert warnings(found) == []
    assert found.balanced
    assert describe_phases(found) == ""


def test_noise_has_no_most_frequent_digit():
    def share(*precision: float) -> np.ndarray | None:
        columns = dict(zip(DIGIT_SHARES, np.tile(ONES, (len(precision), 1)).T, strict=True))
        epochs, precisions = np.arange(1.0, len(precision) + 1), np.array(precision)
        covered = np.full(len(precision), 2.0)
        metrics = {"epoch": epochs, "precision": precisions, "classes_covered": covered, **columns}
        return with_largest_share(metrics).get("largest_share")

    np.testing.assert_equal(share(0.1, 0.9), [np.nan, 0.96])
    assert share(0.1, 0.2) is None
    assert share(np.nan) is None


@pytest.mark.parametrize(
    ("shares", "precision", "state"),
    [
        (ONES, 0.49, "one shape"),
        (ONES, 0.5, "one class"),
        (ONES, 0.9, "one class"),
        (EVEN, 0.49, "unclear"),
        (UNEVEN, 0.5, "classes missing"),
        (EVEN, 0.5, "all classes"),
        (EVEN, np.nan, "not measured"),
        ((np.nan,) * 10, 0.9, "not measured"),
    ],
)
def test_the_state_of_the_samples(shares, precision, state):
    found = judged((shares,), (precision,))
    assert found.samples == state
    assert found.looks_real == (state in ("one class", "classes missing", "all classes"))


def test_classes_are_named_only_where_they_mean_something():
    [line] = warnings(judged((UNEVEN,)))
    assert "7 of 10 digits" in line
    assert "missing: 7, 8, 9" in line
    [line] = warnings(judged((ONES,)))
    assert "1 makes up 96 %" in line
    assert "2 of 10 digits" in line
    [line] = warnings(judged((ONES,), (0.1,)))
    assert "does not look real (precision 0.10)" in line
    assert "96" not in line


@pytest.mark.parametrize(
    ("last", "state"),
    [(1.0, "alive"), (6e-3, "alive"), (4e-3, "fading"), (2e-5, "fading"), (9e-6, "vanished"), (0, "vanished")],
)  # fmt: skip
def test_the_gradient_is_judged_by_its_largest_epoch(last, state):
    assert judged(norms=(0.5, 1.0, last)).gradient == state
    assert judged(norms=(0.0,)).gradient == "vanished"


@pytest.mark.parametrize(("loss", "rejects"), [("hinge", True), ("relativistic", False)])
@pytest.mark.parametrize("output", [1e-9, 0.0, np.nan])
def test_d_rejects_since_its_output_stayed_low(loss, rejects, output):
    found = judged(outputs=(1e-5, 0.3, output, output), loss=loss)
    assert found.rejected_since == (3 if rejects else None)
    assert any("D rejects nearly every sample" in line for line in warnings(found)) == rejects
    assert judged(outputs=(1e-5, 1e-3)).rejected_since is None


def test_samples_that_became_worse():
    [line] = warnings(judged(frechet=(900, 40, 61)))
    assert "Fréchet distance 40.0 at epoch 2, now 61.0; to have the better G, train to epoch 2" in line
    assert not judged(frechet=(900, 40, 61)).balanced
    assert warnings(judged(frechet=(900, 40, 59))) == []


@pytest.mark.parametrize(("shares", "recall", "state"), [
    (ONES, 0.0, "one shape"), (ONES, 0.003, "one class"), (EVEN, 0.0, "all classes"), (ONES, np.nan, "one class"),
])  # fmt: skip
def test_a_precise_blob_is_no_digit(shares, recall, state):
    found = judged((shares,), (0.56,), (recall,))
    assert found.samples == state
    assert found.looks_real == (state != "one shape")
    if state == "one shape":
        assert "with hardly a real image near it (recall 0.0000)" in warnings(found)[0]


def test_phases_in_words():
    found = judged((ONES, ONES, ONES, EVEN), (0.0, 0.0, 0.8, 0.9))
    assert describe_phases(found) == (
        "G drew one shape for all latents until epoch 2, mostly one digit at epoch 3, several digits from epoch 4 on."
    )


def test_a_diverged_run():
    found = judged(diverged="the generator loss became non-finite at iteration 3 of epoch 2")
    assert warnings(found) == ["training stopped: the generator loss became non-finite at iteration 3 of epoch 2"]
    assert not found.balanced
