"""The homework as a PDF: the runs as typst's document shows them, in the homework's order."""

import base64
import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst
from PIL import Image

from experiments import math_sections
from experiments.gathering import Results
from experiments.parts import PARTS, Part
from experiments.run_sections import compared, section_of_part, split
from gan_jax.compare import Run, by_seed
from gan_jax.config import require
from gan_jax.files import write_bytes
from gan_jax.losses import at_equilibrium
from gan_jax.reports import paper, pictures, sections
from gan_jax.reports.content import Experiment, Provenance
from gan_jax.run_folder import RunFolder
from gan_jax.tables import as_cells

TITLE = "Generative adversarial networks, ridge regression, and a change of variables"
TITLES = {
    "part_a": "The non-saturating loss",
    "part_b": "The original minimax loss",
    "part_c1": "A head start for D",
    "part_c2": "Steps of D that become fewer",
    "part_c3": "One and two steps of D in turn",
    "part_c4": "Four steps of D",
    "part_c5": "Two-sided label smoothing",
    "part_c6": "One-sided label smoothing",
}
INTRODUCTION_C = (
    "Six changes to part (a), one at a time. The homework offers five of them as improvements; each is set beside "
    "part (a) as it was measured, whatever came out."
)
MOST_LETTERS = 200  # of an author
SAMPLES = 3  # grids of a run
DOTS_PER_INCH = 200  # of pictures that were drawn for a screen


class _Document:
    """The files that typst reads, in a folder of their own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, name: str, content: str | bytes) -> str:
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name


def require_author(author: str | None) -> None:
    """Raise UserError where this is no name for a title."""
    if author is not None:
        require(author.strip() != "" and author.isprintable(), "--author must be a name")
        require(len(author) <= MOST_LETTERS, f"--author must have at most {MOST_LETTERS} letters, not {len(author)}")


def write(results: Results, source: str, out: Path, author: str | None) -> None:
    """Write the PDF.

    Args:
        results: what was found; of what is missing the document says how to make it.
        source: where, in words.
        out: the file.
        author: whose name the title bears, if any.

    Raises:
        UserError: if an image cannot be read.
        OSError: if `out` cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        document = _Document(Path(folder))
        content = _content(results, document) | {"title": TITLE, "author": author, "source": source}
        document.add("homework.json", json.dumps(content))
        shutil.copy(str(files("experiments") / "homework.typ"), folder)
        shutil.copytree(str(files("math_checks") / "derivations"), Path(folder) / "derivations")
        pdf = typst.compile(
            str(Path(folder) / "homework.typ"),
            root=folder,
            sys_inputs={"measured": json.dumps(_measured(results))},
            ignore_system_fonts=True,  # it looks the same everywhere
        )
    write_bytes(out, pdf)


def _content(results: Results, document: _Document) -> dict[str, Any]:
    groups = by_seed(results.runs)
    standing, _ = split(groups)
    found = {part: groups[group] for part, group in standing.items()}
    rows = as_cells({part: found[part] for part in PARTS if part in found})[0] if found else []
    columns = list(zip(*rows, strict=True))
    first = next(iter(found.values()), None)
    parts = {name: _part(part, found, document) for name, part in PARTS.items()}
    experiments = {"saturation": _experiment(math_sections.saturation(results.records.get("saturation")), document)}
    for name in math_sections.TITLES:
        experiments[name] = _experiment(math_sections.mathematics(name, results.records.get(name))[0], document)
    if "saturation" in results.records:
        drawn = results.records["saturation"][0] / "saturation.png"
        caption = "The norm of the gradient that G would receive, while a D is trained from scratch against it."
        experiments["saturation"]["pictures"] = _pictures("saturation", [(caption, pictures.picture(drawn))], document)
    provenance = [entry for it in [*parts.values(), *experiments.values()] for entry in it.pop("provenance", [])]
    return {
        "parts": parts,
        "introduction_c": INTRODUCTION_C,
        "overview": [column for column in columns if len(set(column[1:])) > 1] if len(found) > 1 else None,
        "data": f"{first[0].config.dataset}, 60 000 images for training, pixels in [-1, 1]" if first else "MNIST",
        "experiments": experiments,
        "provenance": provenance,
        "passed_over": results.passed_over,
    }


def _part(part: Part, found: Mapping[str, Sequence[Run]], document: _Document) -> dict[str, Any]:
    name = part.config.name
    runs, baseline = found.get(name, []), found.get(part.baseline or "", [])
    section = section_of_part(part, runs, baseline, pictures.FEWEST_EPOCHS)
    about = {"title": TITLES[name], "question": section.question, "claim": section.claim, "missing": not runs}
    if not runs:
        return about
    assert section.reason is not None
    undecided = at_equilibrium(part.config.setting.loss, part.config.setting.targets)
    groups = compared(part, runs, baseline)[0] if part.baseline is not None else {}
    run = document.add(f"{name}-run.svg", paper.run([run.metrics for run in runs], undecided))
    of_seeds = "" if len(runs) == 1 else f"; the middle of {len(runs)} seeds, over a thin line for each"
    comparison = None
    if groups:
        svg = paper.against(sections.metrics_of(groups))
        file = document.add(f"{name}-against.svg", svg)
        comparison = {"file": file, "inches": paper.WIDTH, "caption": f"{' against '.join(groups)}."}
    return about | {
        "warnings": section.warnings,
        "seed": runs[0].config.seed,
        "samples": _samples(name, runs[0], document),
        "run": {"file": run, "inches": paper.WIDTH, "caption": f"{name}: how training went{of_seeds}."},
        "reason": section.reason.text,
        "comparison": comparison,
        "tables": [[table.caption, table.rows, table.notes] for table in section.tables],
        "notes": section.notes,
        "provenance": [_facts(entry) for entry in section.provenance],
    }


def _samples(name: str, run: Run, document: _Document) -> list[dict[str, Any]]:
    folder = RunFolder(Path(run.path))
    epochs = [epoch for epoch in folder.sampled_epochs() if epoch <= run.epochs]
    found = []
    for epoch in pictures.chosen(epochs, SAMPLES):
        written = io.BytesIO()
        Image.fromarray(folder.read_sample(epoch)).save(written, "PNG")
        found.append({"epoch": epoch, "file": document.add(f"{name}-{epoch}.png", written.getvalue())})
    return found


def _experiment(experiment: Experiment, document: _Document) -> dict[str, Any]:
    return {
        "question": experiment.question,
        "missing": bool(experiment.missing),
        "text": experiment.text,
        "warnings": experiment.warnings,
        "pictures": _pictures(experiment.id, experiment.pictures, document),
        "provenance": [_facts(entry) for entry in experiment.provenance],
    }


def _pictures(name: str, shown: Sequence[tuple[str, pictures.Picture]], document: _Document) -> list[dict[str, Any]]:
    return [
        {
            "file": document.add(f"{name}-{place}.png", base64.b64decode(picture.uri.partition(",")[2])),
            "inches": min(picture.width / DOTS_PER_INCH, paper.WIDTH),
            "caption": caption,
        }
        for place, (caption, picture) in enumerate(shown)
    ]


def _facts(entry: Provenance) -> list[Any]:
    return [entry.subject, list(entry.facts.items())]


def _measured(results: Results) -> dict[str, list[Any]]:
    """What each check of the mathematics found, by its name."""
    found = {}
    for name in math_sections.TITLES:
        if name in results.records:
            for check, (residual, passed) in math_sections.found_by(results.records[name][1]["checks"]).items():
                found[check] = ["" if residual is None else f"{residual:.1e}", passed]
    return found
