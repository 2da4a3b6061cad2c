"""The student's own words: from the file into the PDF, as they are written."""

import shutil

import pytest

from experiments.homework import own_words
from experiments.homework.parts import PARTS
from experiments.homework.report import SHIPPED as RESULTS
from gan_jax.errors import UserError
from tests.helpers.typeset import make_pdf, text_of


def test_the_template_has_every_heading_and_no_words(tmp_path):
    path = tmp_path / own_words.FILE
    own_words.ensure_template(path)
    text = path.read_text()
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == list(
        own_words.HEADINGS
    )
    assert own_words.read(path) == {}
    path.write_text(text.replace("## part_b\n", "## part_b\nD wins.\n"))
    own_words.ensure_template(path)  # what is written stays
    assert own_words.read(path) == {"part_b": ["D wins."]}


def test_paragraphs_are_blocks_of_lines(tmp_path):
    path = tmp_path / own_words.FILE
    path.write_text("ignored\n## part_b \n\nfirst\nline\n  \nsecond # ## x\n\n## ridge\n\n\n## part_a\nlast")
    assert own_words.read(path) == {"part_b": ["first line", "second # ## x"], "part_a": ["last"]}
    assert own_words.read(tmp_path / "none.md") == {}


def test_items_of_a_list_stay_apart(tmp_path):
    path = tmp_path / own_words.FILE
    path.write_text(
        "## part_a\nI see:\n- D wins\n  in the end;\n* -5 is less\n1. first\n12) last\n\n3.5 and\n-x follow"
    )
    items = ["I see:", "• D wins in the end;", "• -5 is less", "1. first", "12) last", "3.5 and -x follow"]
    assert own_words.read(path) == {"part_a": items}


@pytest.mark.parametrize("content", [b"## part_d\nx", b"\xff\xfe", "## part_a\nno font has \U000ff000".encode()])
def test_mistakes_are_named(tmp_path, content):
    path = tmp_path / own_words.FILE
    path.write_bytes(content)
    with pytest.raises(UserError, match=str(path)):
        own_words.read(path)


def test_they_are_in_the_pdf_as_written(tmp_path):
    """Typst's own markup means nothing in them."""
    shutil.copytree(RESULTS / "part_b", tmp_path / "part_b")
    words = {"part_b": ["D *wins* #panic() $x$ <a> @b.", "And again."], "ridge": ["I see \\ no bias."]}
    text = text_of(make_pdf(tmp_path, own_words=words))
    assert "In my own words. D *wins* #panic() $x$ <a> @b. And again." in text
    assert "In my own words. I see \\ no bias." in text
    assert text.count("In my own words") == 2
    assert set(words) <= {*PARTS, *own_words.HEADINGS}
