"""Docstrings and signatures as the API page shows them: the code's are plain text, autodoc expects reStructuredText."""

import dataclasses
import inspect
import re
import sys

# In plain text these are no markup, other than between backticks.
MARKUP = re.compile(r"(`[^`]*`)|([|*])")
FIELD = re.compile(r"^    (\w+): [^#\n]*# (.*)$", re.MULTILINE)
ALIGNED = re.compile(r"\S+(?: \S+)* {2,}\S")  # a line of two columns


def as_restructured_text(lines: list[str]) -> list[str]:
    """Escape what reStructuredText would take for markup, and keep the lines of two columns and of indented code."""
    written: list[str] = []
    literal = False
    for line, before in zip(lines, ["", *lines], strict=False):
        if literal and line.strip() and not _is_literal(line):
            written.append("")
            literal = False
        elif not literal and not before.strip() and _is_literal(line):
            written += ["::", ""]
            literal = True
        if literal:
            written.append(f"    {line}" if line else line)
        else:
            written.append(line if line.lstrip().startswith(">>>") else _escaped(line))
    return written


def _is_literal(line: str) -> bool:
    return bool(ALIGNED.match(line)) or line.startswith("    ")


def _escaped(line: str) -> str:
    return MARKUP.sub(lambda found: found[1] or f"\\{found[2]}", line)


def field_comment(name: str) -> list[str]:
    """Return the comment beside a NamedTuple's field, given its full name; empty if it has none."""
    owner, _, field = name.rpartition(".")
    module, _, owner = owner.rpartition(".")
    comments = dict(FIELD.findall(inspect.getsource(getattr(sys.modules[module], owner))))
    return [_escaped(comments[field])] if field in comments else []


def signature(found: object) -> str | None:
    """Return a configuration's signature without its types, which hold help and range; None for all else."""
    if not dataclasses.is_dataclass(found) or "Annotated" not in str(found.__annotations__):
        return None
    return f"(*, {', '.join(_parameter(field) for field in dataclasses.fields(found))})"


def _parameter(field: dataclasses.Field) -> str:
    if field.default is dataclasses.MISSING:
        return field.name
    plain = isinstance(field.default, str | int | float | None)
    return f"{field.name}={field.default!r}" if plain else f"{field.name}={type(field.default).__name__}(...)"
