"""Letters of people's names and texts in the fonts that the PDF can use."""

import typst

from gan_jax.errors import require
from gan_jax.utils.text import printable

MOST_LETTERS = 60  # of an author's name
_TEXT = b'#set document(title: "a")\n#set text(font: "Libertinus Serif")\n#sys.inputs.text'


def require_author(author: str | None) -> None:
    """Raise UserError unless this can be the name on a title page."""
    if author is not None:
        require(author.strip() != "" and author.isprintable(), "--author must be a name")
        require(len(author) <= MOST_LETTERS, f"--author must have at most {MOST_LETTERS} letters, not {len(author)}")
        require_letters("--author", author)


def require_letters(name: str, text: str) -> None:
    """Raise UserError, with this name of the text, unless typst's fonts or the system's have all of its letters."""
    reason = _missing(text, system=False) and _missing(text, system=True)
    require(reason == "", f"{name} cannot be typeset: {reason}: install a font that has it, or spell it differently")


def needs_system_fonts(text: str) -> bool:
    """Return whether typst's own fonts lack a letter of a text."""
    return _missing(text, system=False) != ""


def first_line(error: typst.TypstError) -> str:
    """Return an error's first line, printable."""
    return printable((str(error).splitlines() or ["no reason given"])[0])


def _missing(text: str, system: bool) -> str:
    """Return why a text cannot be typeset with typst's own fonts, or with the system's, too; empty if it can.

    It compiles to PDF/A, which refuses a letter that no font has; otherwise typst would draw a box.
    """
    try:
        typst.compile(_TEXT, ignore_system_fonts=not system, sys_inputs={"text": text}, pdf_standards="a-2b")
    except typst.TypstError as error:
        return first_line(error).rpartition("error: ")[2] or "no reason given"
    return ""
