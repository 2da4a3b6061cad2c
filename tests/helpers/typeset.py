"""The homework's PDF as tests read it: its words, its figures' descriptions, and the position of its text."""

import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pypdf import PageObject, PdfReader

from experiments.homework import pdf
from experiments.homework.results import gather


def make_pdf(
    folder: Path, author: str | None = None, own_words: Mapping[str, Sequence[str]] | None = None
) -> PdfReader:
    """Return the homework's PDF for the runs in a directory."""
    return PdfReader(io.BytesIO(pdf.make(gather(folder), "a test", author, own_words or {})))


def text_of(document: PdfReader) -> str:
    """Return its words with single spaces and ligatures as letters, without its first page, the table of contents."""
    words = " ".join(page.extract_text() for page in document.pages[1:])
    return " ".join(unicodedata.normalize("NFKC", words).split())


def figure_descriptions(document: PdfReader) -> list[str]:
    """Return the alternative texts of its figures, in order."""

    def walk(node: Any) -> Iterator[str]:
        node = node.get_object()
        if isinstance(node, list):
            for kid in node:
                yield from walk(kid)
        elif isinstance(node, dict):
            if node.get("/S") == "/Figure":
                yield node["/Alt"]
            yield from walk(node["/K"]) if "/K" in node else ()

    tree: Any = document.root_object["/StructTreeRoot"]
    return list(walk(tree["/K"]))


class PlacedText(NamedTuple):
    """A piece of text, with its position in points from the left and the bottom of the page."""

    text: str
    x: float
    y: float
    size: float


def placed_texts(page: PageObject) -> list[PlacedText]:
    found = []

    def visit(text, cm, tm, _font, size) -> None:
        if text.strip():
            x, y = (tm[4 + i] * cm[3 * i] + cm[4 + i] for i in (0, 1))
            found.append(PlacedText(text.strip(), x, y, size * abs(tm[0] * cm[0])))

    page.extract_text(visitor_text=visit)
    return found
