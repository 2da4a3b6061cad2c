"""The student's own words: a text file with a heading for each question, whose paragraphs go into the PDF."""

import re
from pathlib import Path

from experiments.homework.math_sections import TITLES
from experiments.homework.parts import PARTS
from experiments.homework.typesetting import require_letters
from gan_jax.errors import UserError
from gan_jax.utils.files import read_limited, write_text

FILE = "own_words.md"
HEADINGS = (*PARTS, *TITLES)
MAX_BYTES = 2**20
INTRODUCTION = (
    "Write under the headings what you think. It goes into homework.pdf as you write it, under 'In my own words':\n"
    "a paragraph for each block of lines, and for each line that begins with - or a number. Headings without text are\n"
    "left out, and so are these lines.\n"
)
_BREAK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+[.)])\s)")  # between paragraphs: an empty line, or a list's next item


def ensure_template(path: Path) -> None:
    """Write the file with empty headings, unless it is there."""
    if not path.exists():
        write_text(path, INTRODUCTION + "".join(f"\n## {heading}\n" for heading in HEADINGS))


def read(path: Path) -> dict[str, list[str]]:
    """Read the paragraphs under each heading that has any; nothing if there is no file.

    Raises:
        UserError: if it cannot be read, or has a heading that is none of the homework's, or letters that no font has.
    """
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    if text.strip() and not re.search(r"^## ", text, re.MULTILINE):
        raise UserError(f"{path} has no heading: write each text under one of ## {', ## '.join(HEADINGS)}")
    found: dict[str, list[str]] = {}
    for block in re.split(r"^## *", text, flags=re.MULTILINE)[1:]:
        heading, _, body = block.partition("\n")
        if heading.strip() not in HEADINGS:
            raise UserError(f"{path} has the heading {heading.strip()[:40]!r}: the headings are {', '.join(HEADINGS)}")
        paragraphs = [" ".join(part.split()) for part in _BREAK.split(f"\n{body}")]
        if any(paragraphs):
            found[heading.strip()] = [re.sub(r"^[-*] ", "\N{BULLET} ", part) for part in paragraphs if part]
    for paragraphs in found.values():
        require_letters(f"the text in {path}", " ".join(paragraphs))
    return found
