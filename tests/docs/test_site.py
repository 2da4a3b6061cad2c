"""The documentation site: it builds without a warning, its links lead somewhere, and it needs no network."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from experiments.cli import app
from experiments.homework.parts import EXTENSION_RUNS, PARTS
from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.config import Hyperparameters
from tests.helpers.printed import ROOT
from tests.helpers.site import module_of_the_site

docstrings, generated = module_of_the_site("docstrings"), module_of_the_site("generated")


def command_names() -> list[str]:
    return [name for name in app if not name.startswith("-")]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site as `./run.sh docs` builds it, elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    [line] = re.findall(r"-m sphinx (.+?) -d ", (ROOT / "run.sh").read_text(encoding="utf-8"))
    options = [*line.split(), "-d", folder / "doctrees"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sphinx", *options, ROOT / "docs", folder / "html"],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


class Page(HTMLParser):
    """Targets and anchors of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []  # that a reader may follow
        self.loaded: list[str] = []  # that a browser fetches by itself
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        self.loaded += [found[name] or "" for name in ("src", "srcset", "data") if found.get(name)]
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(found["href"] or "")


@pytest.mark.slow
def test_the_site(site):
    """One test, since building takes half a minute."""
    pages = {file: Page(file) for file in site.rglob("*.html")}
    assert {file.stem for file in pages} >= {file.stem for file in (ROOT / "docs").glob("*.md")}
    for file, page in pages.items():
        for link in page.links:
            if not re.match(r"https?:|mailto:", link):
                path, _, anchor = unquote(link).partition("#")
                target = (file.parent / path).resolve() if path else file
                assert target.is_file(), (file.name, link)
                assert not anchor or target.suffix != ".html" or anchor in pages[target].anchors, (file.name, link)
        assert not [source for source in page.loaded if re.match(r"(https?:)?//", source)], file
    for style in (site / "_static").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style
    text = (site / "commands.html").read_text(encoding="utf-8")
    assert all(f'id="{name.replace("_", "-")}"' in text for name in command_names())
    usages = set(re.findall(r"\./run\.sh (\w+) (?:\[OPTIONS\]|[A-Z])", re.sub("<[^>]+>", "", text)))
    assert set(command_names()) <= usages
    assert "-m sphinx" not in text
    shown = (site / "api.html").read_text(encoding="utf-8")
    assert "Alias for field number" not in shown
    assert "Annotated" not in shown
    assert 'id="gan_jax.losses.adversarial.cross_entropy"' in shown


def test_generated_parts_are_complete():
    """Each term, metric and command is on its page, and every marker of a page is known."""
    for name, entries in (("glossary", TERMS), ("measurements", MEANINGS)):
        text = generated.fill_in((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"))
        assert all(entry in text and meaning in text for entry, meaning in entries.items())
    commands = generated.fill_in("<!-- generated: commands -->")
    assert re.findall(r"^## (\w+)$", commands, re.MULTILINE) == command_names()
    assert "--spectral-norm" in commands
    assert commands.count("Options: those of [part_a]") == len({**PARTS, **EXTENSION_RUNS}) - 1
    fields = generated.fill_in("<!-- generated: hyperparameters -->")
    assert all(f"| `{field}` |" in fields for field in Hyperparameters.__dataclass_fields__)
    pages = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "docs").glob("*.md"))
    assert sorted(generated.MARKER.findall(pages)) == sorted(generated.GENERATED)  # each on one page
    with pytest.raises(KeyError):
        generated.fill_in("<!-- generated: nothing -->")


def test_docstrings_become_restructured_text():
    lines = [
        "Compute |W u|^2 of `a|b`.",
        "",
        "name      the run's name",
        "epochs    how many",
        "",
        "Args:",
        "    x: 2*y.",
    ]
    shown = docstrings.as_restructured_text(lines)
    assert shown[0] == "Compute \\|W u\\|^2 of `a|b`."
    assert shown[2:6] == ["::", "", "    name      the run's name", "    epochs    how many"]
    assert shown[-2:] == ["Args:", "    x: 2\\*y."]


def names_of(citation: dict) -> Iterator[str]:
    for author in citation["authors"]:
        assert set(author) == {"name"}, "an entity, not a person"
        yield author["name"]


def test_the_citation():
    """It has the fields that version 1.2.0 of the format requires, and the project's version and license."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    known = {"cff-version", "message", "type", "title", "abstract", "authors", "version", "license", "keywords"}
    assert set(citation) <= known  # all of them fields of the format
    assert citation["type"] in ("software", "dataset")
    assert (str(citation["version"]), citation["license"]) == (project["version"], project["license"])
    assert list(names_of(citation)) == ["The gan_jax authors"]
