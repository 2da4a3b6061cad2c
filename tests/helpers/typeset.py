"""The homework's PDF as a test reads it: its words, what its figures show, and where on a page its text lies."""

import io
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pypdf import PageObject, PdfReader

from experiments.homework import pdf
from experiments.homework.results import gather


def made(folder: Path, author: str | None = None) -> PdfReader:
    """The homework of what lies in a folder."""
    return PdfReader(io.BytesIO(pdf.make(gather(folder), "a test", author)))


def text_of(document: PdfReader) -> str:
    """Its words with single spaces, ligatures as letters; without its table of contents, which is the first page."""
    words = " ".join(page.extract_text() for page in document.pages[1:])
    return " ".join(unicodedata.normalize("NFKC", words).split())


def seen(document: PdfReader) -> list[str]:
    """What its figures show, in the words that they have for those who do not see them, in order."""

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


class Placed(NamedTuple):
    """A piece of text, in points from the left and from the bottom."""

    text: str
    x: float
    y: float
    size: float


def placed(page: PageObject) -> list[Placed]:
    found = []

    def visit(text, cm, tm, _font, size) -> None:
        if text.strip():
            x, y = (tm[4 + i] * cm[3 * i] + cm[4 + i] for i in (0, 1))
            found.append(Placed(text.strip(), x, y, size * abs(tm[0] * cm[0])))

    page.extract_text(visitor_text=visit)
    return found
