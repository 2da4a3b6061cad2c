"""Fields of a configuration: each is declared once with its meaning and range, and checked by these."""

import dataclasses
import functools
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

from gan_jax.errors import UserError, require
from gan_jax.utils.interface import own_loss
from gan_jax.utils.text import unknown

T = TypeVar("T")
_KINDS: dict[Any, tuple[Any, str]] = {
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    float | None: ((int, float, type(None)), "a number"),
    str: (str, "text"),
    bool: (bool, "true or false"),
}


class Spec(NamedTuple):
    """Meaning and range of a field, for validation and the command line."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: Collection[str] | None = None


@functools.cache
def specs(dataclass_type: type) -> dict[str, tuple[Any, Spec]]:
    """Return the type and the `Spec` of each annotated field, by name."""
    hints = get_type_hints(dataclass_type, include_extras=True)
    return {name: get_args(hint) for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def validate(values: Any) -> None:
    """Raise UserError unless each field is of its type, which values read from a file need not be, and in range."""
    for name, (kind, spec) in specs(type(values)).items():
        value: Any = getattr(values, name)
        if kind in _KINDS:
            kinds, words = _KINDS[kind]
            fits = isinstance(value, kinds) and isinstance(value, bool) == (kind is bool)
            require(fits, f"{name} must be {words}, not {value!r}")
        if spec.low is not None and spec.high is not None and value is not None:
            in_range = spec.low <= value <= spec.high
            require(in_range, f"{name} must be from {spec.low:g} to {spec.high:g}, not {value}")
        if spec.choices is not None:
            known = isinstance(value, str) and value in spec.choices
            own = f"; one of your own comes with {own_loss()}" if name == "loss" else ""
            require(known, unknown(name, value, spec.choices) + own)


def with_known_names(hint: Callable[[str], str] = lambda _: "") -> Callable[[type[T]], type[T]]:
    """Make a decorator of dataclasses whose constructor, given an unknown field, names the one that was meant.

    Args:
        hint: returns what else to say about an unknown name.
    """

    def decorate(dataclass_type: type[T]) -> type[T]:
        construct: Callable[..., None] = dataclass_type.__init__
        known = [each.name for each in dataclasses.fields(dataclass_type)]  # pyright: ignore[reportArgumentType]

        @functools.wraps(construct)
        def checked(self: T, *arguments: Any, **values: Any) -> None:
            for name in values:
                if name not in known:
                    raise UserError(hint(name) or unknown(f"field of {dataclass_type.__name__}", name, known))
            construct(self, *arguments, **values)

        dataclass_type.__init__ = checked
        return dataclass_type

    return decorate
