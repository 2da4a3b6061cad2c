"""Text from elsewhere (names, paths, what files hold) made harmless where it is shown."""

import re
from pathlib import Path


def printable(text: str) -> str:
    """The text for a terminal: what one would act upon, but for newlines, is written as Python writes it."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def without_folders(text: str, *paths: Path) -> str:
    """The text with folders' names in the place of their paths, which are of no use to whom it is handed on."""
    for path in paths:
        text = text.replace(str(path), path.name) if path.name else text
    return text


def for_figure(text: str) -> str:
    """The text for matplotlib, which reads what stands between dollar signs as mathematics."""
    return printable(text).replace("$", r"\$")


def for_markdown(text: str) -> str:
    """The text for a line or a table's cell of Markdown, which shows it as it is."""
    return re.sub(r"([\\|`*\[\]<>&])", r"\\\1", printable(text))
