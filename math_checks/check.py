"""A check: a statement of the mathematics, the residual that was measured, and the bound it must keep."""

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

from math_checks.precision import in_float64

Relation = Literal["<=", ">="]


class Check(NamedTuple):
    """Outcome of a check."""

    name: str  # the function that measured it; the derivations refer to it
    subject: str  # the data set or the map that it was measured on
    statement: str
    residual: float
    relation: Relation
    bound: float
    reason: str  # why the bound is where it is

    @property
    def passed(self) -> bool:
        """Tell whether the residual keeps its bound; one that is not a number does not."""
        return self.residual <= self.bound if self.relation == "<=" else self.residual >= self.bound


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = ParamSpec("P")
S = TypeVar("S", bound=Named)


def check(
    bound: float | Callable[[S], float], reason: str, relation: Relation = "<="
) -> Callable[[Callable[Concatenate[S, P], float]], Callable[Concatenate[S, P], Check]]:
    """Turn a function that measures a residual on a named subject into a check of its docstring's first line.

    Args:
        bound: what the residual is held against; a function of the subject where no one number is fair.
        reason: why the bound is where it is.
        relation: "<=" for errors, ">=" for what must be plainly there.
    """

    def decorate(measure: Callable[Concatenate[S, P], float]) -> Callable[Concatenate[S, P], Check]:
        statement = (measure.__doc__ or "").partition("\n")[0]
        in_doubles = in_float64(measure)

        @functools.wraps(measure)
        def measured(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> Check:
            limit = bound(subject) if callable(bound) else bound
            residual = float(in_doubles(subject, *args, **kwargs))
            return Check(measure.__name__, subject.name, statement, residual, relation, limit, reason)

        return measured

    return decorate


def table(checks: Sequence[Check]) -> str:
    """One line per check: subject, name, residual, relation, bound, and pass or FAIL."""
    return "\n".join(
        f"{each.subject:<12}  {each.name:<41}  {each.residual:8.2e} {each.relation} {each.bound:7.1e}  "
        f"{'pass' if each.passed else 'FAIL'}"
        for each in checks
    )
