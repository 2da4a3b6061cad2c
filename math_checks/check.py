"""Checks: a mathematical statement, the measured residual, and its required bound."""

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

from math_checks.precision import in_float64

Relation = Literal["<=", ">="]


class Check(NamedTuple):
    """Outcome of a check."""

    name: str  # function that measured the residual; the derivations refer to it
    subject: str  # data set or map that it was measured on
    statement: str
    residual: float
    relation: Relation
    bound: float
    reason: str  # justification of the bound

    @property
    def passed(self) -> bool:
        """Return True if the residual keeps its bound; NaN does not."""
        return self.residual <= self.bound if self.relation == "<=" else self.residual >= self.bound


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = ParamSpec("P")
S = TypeVar("S", bound=Named)


def check(
    bound: float | Callable[[S], float], reason: str, relation: Relation = "<="
) -> Callable[[Callable[Concatenate[S, P], float]], Callable[Concatenate[S, P], Check]]:
    """Turn a function that measures a residual on a named subject into a check of the statement in its docstring.

    Args:
        bound: bound of the residual, or a function of the subject.
        reason: justification of the bound.
        relation: "<=" for errors, ">=" for effects that must be present.
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
    """Tabulate checks: subject, name, residual, relation, bound, and pass or FAIL."""
    return "\n".join(
        f"{each.subject:<12}  {each.name:<41}  {each.residual:8.2e} {each.relation} {each.bound:7.1e}  "
        f"{'pass' if each.passed else 'FAIL'}"
        for each in checks
    )
