"""The homework's PDF and archive: inputs that are missing or changed, and text that is hard to set."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import typst

from experiments.homework import math_sections, pdf
from experiments.homework.parts import PARTS
from experiments.homework.report import SHIPPED as RESULTS
from experiments.homework.results import gather
from experiments.homework.setting_tables import departures, in_common
from experiments.homework.typesetting import require_author
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import UserError
from gan_jax.runs.run_dir import RunDir
from tests.helpers.typeset import make_pdf, placed_texts, text_of
from tests.malformed.refusal import assert_refused


def test_equal_runs_give_equal_files(tmp_path):
    for name in ("part_a", "ridge"):
        shutil.copytree(RESULTS / name, tmp_path / "runs" / name)
    first, second = (pdf.make(gather(tmp_path / "runs"), "a test", None, {}) for _ in range(2))
    assert first == second


def test_missing_results_name_their_command(tmp_path):
    shutil.copytree(RESULTS / "part_b", tmp_path / "runs" / "part_b")
    text = text_of(make_pdf(tmp_path / "runs"))
    missing = [name for name in (*PARTS, "saturation", "ridge", "change_of_variables") if name != "part_b"]
    found = re.findall(r"not there yet. \./run\.sh (\w+) makes it", text)
    assert sorted(found) == sorted(missing)
    assert "There is no part_a to compare it with" in text
    assert "checked by" in text  # the derivations are complete without their checks


def test_a_new_run_and_a_run_that_cannot_be_shown(tmp_path):
    for name in ("part_a", "part_b"):
        shutil.copytree(RESULTS / name, tmp_path / "runs" / name)
    shutil.rmtree(tmp_path / "runs" / "part_b" / "samples")
    folder = RunDir(tmp_path / "runs" / "part_a")
    folder.write_rows(folder.read_rows()[:1])
    text = text_of(make_pdf(tmp_path / "runs"))
    assert "part_a is not finished: 1 of 100 epochs" in text
    assert "Passed over:" in text
    assert "part_b contains no samples" in text
    assert str(tmp_path) not in text.replace(" ", "")  # a long path may wrap within a word
    assert "./run.sh part_b makes it" in text


def changed(path: Path, name: str, hparams: Hyperparameters, **changes: Any) -> None:
    """Copy a shipped run as if trained with other hyperparameters."""
    shutil.copytree(RESULTS / name, path / name)
    config = RunDir(path / name).read_config()
    assert config is not None
    RunDir(path / name).write_config(replace(config, hparams=hparams, **changes))


def test_the_hyperparameters_shown_are_the_runs_own(tmp_path):
    changed(
        tmp_path / "runs", "part_a", Hyperparameters(batch_size=64, learning_rate=1e-3), dataset="kmnist", epochs=200
    )
    changed(tmp_path / "runs", "part_b", Hyperparameters(loss="saturating", precision="bfloat16"))
    text = text_of(make_pdf(tmp_path / "runs"))
    for row in (
        "data kmnist, pixels in [-1, 1]; in part_b: mnist, pixels in [-1, 1]",
        "an iteration 64 real images",
        "learning rate 0.001",
        "precision float32; in part_b: bfloat16",
        "epochs 200; in part_b: 100",
        "dataset kmnist (there mnist); epochs 200 (there 100); batch size 64 (there 512); "
        "learning rate 0.001 (there 0.0002).",
        "Different from the homework: precision bfloat16 (there float32).",
        "Not compared with part_a:",
    ):
        assert row in text
    assert "60 000" not in text
    assert str(tmp_path) not in text.replace(" ", "")


def test_hyperparameters_in_words():
    assert departures(PARTS["part_c2"], PARTS["part_c2"].config) == []
    rows = dict(in_common({"part_a": Config(name="part_a")}))
    assert rows["G"].endswith("1\xa0493\xa0520 parameters")  # as in gan_jax.models.mlp
    assert rows["D"].endswith("1\xa0460\xa0225 parameters")
    wide = dict(
        in_common({"part_a": Config(name="part_a", hparams=Hyperparameters(width_multiplier=2, dropout_rate=0.1))})
    )
    assert wide["G"].startswith("128, 512, 1024, 2048, 784 units")
    assert "dropout 0.1" in wide["D"]


@pytest.mark.parametrize("author", ["W" * 60, "An Uncommonly Long Name " * 2])
def test_a_long_name_stays_on_its_line(tmp_path, author):
    document = make_pdf(tmp_path, author)
    for page in document.pages[:2]:
        [name, *rest] = [
            piece for piece in placed_texts(page) if piece.text[0] in "WA" and piece.text[:20] == author[:20]
        ]
        assert not rest
        width = 0.9 * len(author) if author[0] == "W" else 0.35 * len(author)  # a lower bound, in em
        assert name.x + width * name.size < page.mediabox.right - 60


@pytest.fixture
def fonts(monkeypatch) -> list[str]:
    """Directories in the place of the system's fonts, empty at first."""
    folders, compile = [], typst.compile

    def without_the_systems(*arguments, ignore_system_fonts=False, **options):
        paths = [] if ignore_system_fonts else folders
        return compile(*arguments, ignore_system_fonts=True, font_paths=paths, **options)

    monkeypatch.setattr(pdf.typst, "compile", without_the_systems)
    return folders


FOREIGN = "\N{CANADIAN SYLLABICS I}"  # missing in typst's fonts, present in matplotlib's DejaVu Sans


def test_a_letter_missing_in_every_font_is_named(fonts):
    with pytest.raises(UserError, match=f"^--author cannot be typeset: the text .*{FOREIGN}.*: install"):
        require_author(f"Ann {FOREIGN}")


@pytest.mark.parametrize("author", [f"Ann {FOREIGN}", "Ζωή", "Жанна"])
def test_a_name_in_another_script_is_typeset(tmp_path, fonts, author):
    fonts.append(matplotlib.get_data_path())
    require_author(author)
    assert author in make_pdf(tmp_path, author).pages[0].extract_text()


def test_the_students_words_in_another_script_are_typeset(tmp_path, fonts):
    fonts.append(matplotlib.get_data_path())
    assert FOREIGN in text_of(make_pdf(tmp_path, own_words={"part_b": [f"D {FOREIGN}"]}))


def test_a_typesetting_error_is_reported_before_anything_is_written(call, tmp_path, monkeypatch):
    compile = typst.compile
    monkeypatch.setattr(pdf.typst, "compile", lambda *_, **__: compile(b'#panic("no\\nmore")'))
    monkeypatch.setattr(math_sections, "derivation", lambda *_: ("", ""))  # the page, which typst sets as well
    line = assert_refused(call, tmp_path, "report", RESULTS / "ridge", "--out", tmp_path / "a.html", "--pdf", "--zip")
    assert "cannot typeset the homework: panicked with" in line


def test_page_pdf_and_code_are_written_side_by_side(call, tmp_path):
    done = call("report", "experiments/results/part_a", "--out", tmp_path / "a.html", "--pdf", "--author", "A", "--zip")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "homework.pdf", "homework.zip"}


@pytest.mark.parametrize(
    "options",
    [("--author", "A"), ("--pdf", "--author", " "), ("--pdf", "--author", "a" * 61), ("--pdf", "--author", "a\nb")],
)
def test_no_author_without_a_title(call, tmp_path, options):
    done = call("report", "--out", tmp_path / "a.html", *options)
    assert done.returncode == 2
    assert "--author" in done.stderr
    assert not list(tmp_path.iterdir())
