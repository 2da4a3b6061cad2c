"""Explanation of why one digit takes over: facts from metrics, and sentences that follow from them."""

import numpy as np
import pytest

from gan_jax.analysis import takeover

ONES = np.array([0.01, 0.9, *[0.01] * 6, 0.03, 0.0])
SEVERAL = np.array([0.05, 0.4, *[0.08] * 5, 0.05, 0.1, 0.0])
SPREADS = np.array([14.0, 9.4, 14.1, 13.2, 12.7, 13.8, 13.3, 12.1, 13.4, 12.3])


def metrics(
    fake_of_one=3e-4,
    fake_of_seven=1e-4,
    real_of_one=0.98,
    last_real_of_one=0.2,
    real_of_others=0.999,
    gradient_of_one=0.4,
    precision=(0.1, 0.8, 0.9),
    spreads=SPREADS,
):
    """Make the columns of three epochs: one shape, several digits, and ones; the nine is never drawn."""
    shares = np.stack([np.eye(10)[8], SEVERAL, ONES])
    fakes = np.full((3, 10), 1e-4)
    fakes[:, [1, 7]] = fake_of_one, fake_of_seven
    fakes[shares == 0] = np.nan
    reals = np.full((3, 10), real_of_others)
    reals[:, 1] = real_of_one, real_of_one, last_real_of_one
    gradients = shares.copy()
    gradients[:, 1] = gradient_of_one
    columns = {
        "digit_share": shares,
        "digit_fake_probability": fakes,
        "digit_real_probability": reals,
        "digit_gradient_share": gradients,
        "digit_real_spread": np.tile(spreads, (3, 1)),
    }
    named = {f"{name}_{digit}": rows[:, digit] for name, rows in columns.items() for digit in range(10)}
    return named | {
        "epoch": np.arange(1.0, 4),
        "precision": np.array(precision),
        "classes_covered": (shares >= 0.01).sum(axis=1).astype(float),
    }


def test_the_digit_is_the_most_frequent_of_samples_that_look_real():
    assert takeover.frequent_digit(metrics()) == 1
    assert takeover.frequent_digit(metrics(precision=(0.1, 0.8, 0.4))) is None
    even = metrics() | {f"digit_share_{digit}": np.full(3, 0.1) for digit in range(10)}
    assert takeover.frequent_digit(even) is None


def test_facts_are_of_the_last_epoch_before_the_digit_dominates():
    found = takeover.facts(metrics(), 1)
    assert found is not None
    assert (found.epoch, found.share, found.fake) == (2, 0.4, 3e-4)
    assert found.fake_others == pytest.approx(1e-4)
    assert found.real_others == pytest.approx(0.999)
    assert takeover.facts(metrics(precision=(0.1, 0.4, 0.9)), 1) is None  # ones alone ever since samples look real
    assert takeover.facts(metrics(), 9) is None  # never drawn
    assert takeover.facts(metrics(gradient_of_one=np.nan), 1) is None  # a dead G has no gradient to share


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "D rejected generated 1s least: D's mean answer, without dropout, was 0.0003 for 1s and 0.0001 for"),
        (dict(fake_of_seven=2.5e-4), "D rejected generated 1s and 7s least"),
        (dict(fake_of_seven=2.5e-4), "the others (at most 0.00025, for 7s)"),
        (dict(fake_of_seven=9e-4), "D rejected generated 7s least, and 1s less than the others on average"),
        (dict(fake_of_one=1.1e-4), "D rejected generated 1s about as it did others"),
        (dict(fake_of_one=5e-5), "D did not reject generated 1s less than others"),
        ({}, "the most alike of all digits, so they are probably the easiest to draw"),
        ({}, "they differ from their mean image by 9.4, the others by 12.1 to 14.1"),
        ({}, "not that D learned only 1s to be real: D's answer for real 1s was 0.98, for the other digits 0.999"),
        (dict(real_of_one=0.9999), "not that D learned only 1s to be real"),
        (dict(real_of_one=0.9999, real_of_others=0.7), "D also believed in real 1s more than in others"),
        ({}, "At epoch 3 it is 0.2 against 1: D has learned to suspect 1s, real ones too."),
        ({}, "At epoch 2 40 % of the samples were 1s; of the gradient's length"),
        (dict(gradient_of_one=0.8), "they had 80 %"),
    ],
)
def test_sentences_follow_from_the_numbers(changes, words):
    found = takeover.facts(metrics(**changes), 1)
    assert found is not None
    assert words in " ".join(takeover.explain(found))


def test_a_digit_that_is_not_the_most_alike_is_not_called_so():
    found = takeover.facts(metrics(spreads=SPREADS[::-1]), 1)
    assert found is not None
    assert "alike" not in " ".join(takeover.explain(found))


def test_a_d_that_does_not_suspect_the_digit_is_not_said_to():
    found = takeover.facts(metrics(last_real_of_one=0.99), 1)
    assert found is not None
    assert "suspect" not in " ".join(takeover.explain(found))


def test_charts_have_the_digit_and_the_nine_others():
    drawn = takeover.charts(metrics(), 1)
    assert [chart.title for chart in drawn] == [title for title, _ in takeover.CHARTED.values()]
    for chart in drawn:
        assert len(chart.lines[1].seeds) == 9
        assert all(len(line.values) == 3 for line in chart.lines)
    one, others = drawn[0].lines
    assert one.values == [None, 3e-4, 3e-4]
    assert others.values == [1e-4] * 3
    assert takeover.measured(metrics())
    assert not takeover.measured({"epoch": np.arange(3.0)})
