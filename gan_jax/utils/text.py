"""Escaping of untrusted text (names, paths, contents of files) before it is shown."""

import difflib
import re
from collections.abc import Collection
from pathlib import Path


def printable(text: str) -> str:
    """Escape control characters, except newlines, as Python does, for a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def without_folders(text: str, *paths: Path) -> str:
    """Replace the paths of directories by their names, since the paths are meaningless on other machines."""
    for path in paths:
        text = text.replace(str(path), path.name) if path.name else text
    return text


def count_of(number: int, noun: str) -> str:
    """Write a number of things: 1 epoch, 2 epochs."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown(kind: str, name: object, choices: Collection[str]) -> str:
    """Write the message on a name that is not among the choices: the most similar of them, and all."""
    given = name.lower().replace("-", "_") if isinstance(name, str) else str(name)
    similar = difflib.get_close_matches(given[:100], choices, n=1)
    nearest = f", did you mean {similar[0]}" if similar else ""
    return f"unknown {kind} {name!r}{nearest}: choose from {', '.join(choices)}"


def for_figure(text: str) -> str:
    """Escape text for matplotlib, which sets text between dollar signs as mathematics."""
    return printable(text).replace("$", r"\$")


def for_markdown(text: str) -> str:
    """Escape text for a line or a table's cell of Markdown."""
    return re.sub(r"([\\|`*\[\]<>&])", r"\\\1", printable(text))
