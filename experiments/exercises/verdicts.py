"""Verdicts on a student's answers: what is missing, what fails, and what is wrong, each in words."""

import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# Answers are float32, and a right one may round at every operation; the typical mistakes are off by percents.
TOLERANCE = 1e-4


class WrongAnswerError(Exception):
    """A mistake, told in words that the student reads."""


class MissingAnswerError(Exception):
    """A blank that is not filled in yet."""


@dataclass(frozen=True)
class Verdict:
    """The result of a check: true if the answer is right."""

    exercise: int
    passed: bool
    message: str
    filled_in: bool = True

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        sign = "✓" if self.passed else "✗" if self.filled_in else "…"
        return f"{sign} Exercise {self.exercise}: {self.message}"

    def _ipython_display_(self) -> None:
        """Show nothing as a cell's result, since the check has printed the verdict."""


def exercise(number: int) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Turn a check into one that prints and returns a verdict, and that raises nothing whatever the answers are.

    The check takes the answers, by the names that they have in the notebook, and returns the praise; it raises
    WrongAnswerError where one is wrong.
    """

    def decorate(check: Callable[..., str]) -> Callable[..., Verdict]:
        parameters = inspect.signature(check).parameters.values()

        @wraps(check)
        def checked(*answers: Any) -> Verdict:
            try:
                given = [
                    _guarded(parameter.name, answer, parameter.annotation is Callable)
                    for parameter, answer in zip(parameters, answers, strict=True)
                ]
                verdict = Verdict(number, True, check(*given))
            except WrongAnswerError as error:
                verdict = Verdict(number, False, str(error))
            except MissingAnswerError as error:
                verdict = Verdict(number, False, f"not filled in yet: {error}", filled_in=False)
            except Exception as error:  # of a library that was given what the answer returned
                verdict = Verdict(number, False, f"what you return cannot be used: {_first_line(error)}")
            print(verdict)
            return verdict

        return checked

    return decorate


def _guarded(name: str, answer: Any, is_function: bool) -> Any:
    """Refuse a blank; wrap a function so that a blank in it, and whatever it raises, becomes words."""
    if answer is ...:
        raise MissingAnswerError(f"put your answer in the place of the ... behind `{name} =`.")
    if not is_function:
        return answer
    if not callable(answer):
        raise WrongAnswerError(f"`{name}` must be a function, not {answer!r}: run the cell that defines it again.")

    def guarded(*arguments: Any) -> Any:
        try:
            result = answer(*arguments)
        except (WrongAnswerError, MissingAnswerError):
            raise
        except Exception as error:  # whatever a student's code may raise
            if "ellipsis" in str(error).lower():
                raise MissingAnswerError(f"there is a ... left in `{name}`.") from None
            raise WrongAnswerError(_failure(name, answer, error)) from error
        if any(part is None or part is ... for part in (result if isinstance(result, tuple) else (result,))):
            raise MissingAnswerError(
                f"`{name}` returns nothing. Put your code in the place of its ..., and end it with `return`."
            )
        return result

    return guarded


def _failure(name: str, function: Callable, error: Exception) -> str:
    """Say what a function raised and in which of its lines."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = code.co_filename if code else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    source = linecache.getline(file, lines[-1] or 0).strip() if lines else ""
    where = f" at `{source}`" if source else ""
    return f"`{name}` stops{where} with {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])


def close(found: ArrayLike, expected: ArrayLike, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two arrays are equal up to round-off, of the same shape and finite."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    return found.shape == expected.shape and bool(np.allclose(found, expected, tolerance, tolerance))


def require_equal(name: str, given: str, found: Any, expected: ArrayLike, mistakes: Mapping[str, Any]) -> None:
    """Raise WrongAnswerError unless an answer is right.

    Args:
        name: the student's function or variable.
        given: the arguments, for the message.
        found: what it returned.
        expected: what is right.
        mistakes: what typical mistakes would have returned, by the words that explain them.
    """
    values = as_numbers(name, found)
    if close(values, expected):
        return
    for words, wrong in mistakes.items():
        if close(values, wrong):
            raise WrongAnswerError(words)
    expected = np.asarray(expected, float)
    if values.shape != expected.shape:
        raise WrongAnswerError(
            f"`{name}` returns {_shape(values)}, where {_shape(expected)} is asked for, with {given}."
        )
    raise WrongAnswerError(f"with {given}, `{name}` gives {_short(values)}; right is {_short(expected)}.")


def as_numbers(name: str, found: Any) -> np.ndarray:
    """Return an answer as an array of float64. Raises WrongAnswerError if it holds no numbers."""
    try:
        return np.asarray(found, float)
    except (TypeError, ValueError):
        raise WrongAnswerError(f"`{name}` returns {type(found).__name__}, where numbers are asked for.") from None


def _shape(values: np.ndarray) -> str:
    return "one number" if values.shape == () else f"an array of shape {values.shape}"


def _short(values: np.ndarray) -> str:
    return np.array2string(values, precision=4, separator=", ", threshold=12)
