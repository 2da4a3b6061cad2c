"""Tables of text, as Markdown for a file and aligned for a terminal."""

from collections.abc import Sequence

Row = Sequence[str]


def as_markdown(heading: Row, rows: Sequence[Row]) -> str:
    """Write a table in Markdown."""
    return "".join("| " + " | ".join(line) + " |\n" for line in (heading, ["---"] * len(heading), *rows))


def as_text(markdown: str) -> str:
    """Align the columns of a table in Markdown."""
    heading, _, *lines = markdown.splitlines()
    cells = [line.strip("| ").split(" | ") for line in (heading, *lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
