"""Blanks, failing code and odd results are told in words, and never raise."""

import inspect

import numpy as np
import pytest

from experiments.exercises import check
from experiments.exercises.verdicts import WrongAnswerError, require_equal
from tests.helpers.exercises import blanks, solutions, verdict

CHECKS = [getattr(check, name) for name in check.__all__]


def names_of(each) -> list[str]:
    return list(inspect.signature(each).parameters)


def test_every_exercise_has_a_check():
    known = solutions()
    assert {verdict(each, *(known[name] for name in names_of(each))).exercise for each in CHECKS} == set(range(1, 11))


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.__name__)
def test_the_solution_is_right(each):
    known = solutions()
    found = verdict(each, *(known[name] for name in names_of(each)))
    assert found, found
    assert str(found).startswith("✓")


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.__name__)
def test_every_blank_is_named(each):
    """Each answer in turn is left blank, the others are right."""
    known, blank = solutions(), blanks()
    for missing in names_of(each):
        found = verdict(each, *((blank if name == missing else known)[name] for name in names_of(each)))
        assert not found
        assert not found.filled_in
        assert str(found).startswith(f"… Exercise {found.exercise}: not filled in yet: ")
        assert f"`{missing}" in found.message


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    "odd",
    [lambda *_: "text", lambda *_: [], lambda *_: {}, lambda *_: (1, 2, 3), 7, "text", []],
    ids=["gives text", "gives a list", "gives a dict", "gives three", "seven", "text", "list"],
)
def test_odd_answers_are_wrong_and_do_not_raise(each, odd):
    known = solutions()
    for wrong in names_of(each):
        found = verdict(each, *(odd if name == wrong else known[name] for name in names_of(each)))
        assert not found, (wrong, found)
        assert found.filled_in


def test_code_that_fails_is_told_with_its_line():
    def discriminator_loss(real_logits, fake_logits):
        return real_logits.men() + fake_logits.mean()

    found = verdict(check.discriminator_loss, discriminator_loss)
    assert not found
    assert "`discriminator_loss` stops at `return real_logits.men() + fake_logits.mean()` with AttributeError" in str(
        found
    )


def test_a_blank_inside_an_answer_is_a_blank():
    def class_shares(digits):
        counts = ...
        return counts / len(digits)  # pyright: ignore[reportOperatorIssue]

    found = verdict(check.class_histogram, class_shares, solutions()["kl_to_uniform"])
    assert "there is a ... left in `class_shares`" in str(found)


def test_an_answer_of_another_arity_is_told():
    found = verdict(check.discriminator_loss, lambda real_logits: 0.0)
    assert "`discriminator_loss` stops" in str(found)


def test_a_wrong_number_without_an_explanation_is_shown_beside_the_right_one():
    with pytest.raises(WrongAnswerError, match=r"with x = 1, `f` gives 3\.; right is 2\."):
        require_equal("f", "x = 1", 3.0, 2.0, {"twice": 4.0})
    with pytest.raises(WrongAnswerError, match="twice"):
        require_equal("f", "x = 1", 4.0, 2.0, {"twice": 4.0})
    with pytest.raises(WrongAnswerError, match=r"an array of shape \(3,\), where one number is asked for"):
        require_equal("f", "x = 1", np.ones(3), 2.0, {})
    require_equal("f", "x = 1", np.float32(2.00001), 2.0, {})  # float32 rounds


def test_a_verdict_is_not_shown_twice():
    assert verdict(check.prediction, "part_a")._ipython_display_() is None
