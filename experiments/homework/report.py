"""The report: one HTML page of runs, experiments and checks, and the files beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.harness.options import DEFAULT_OUT
from experiments.homework import math_sections, own_words
from experiments.homework import pdf as homework_pdf
from experiments.homework.code_archive import code_archive
from experiments.homework.part_sections import section_of_part, split
from experiments.homework.parts import PARTS
from experiments.homework.results import Results, gather, gather_named
from experiments.homework.typesetting import require_author
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.errors import UserError, require
from gan_jax.reports import html, images, run_report
from gan_jax.reports.guide import make_guide
from gan_jax.reports.page_model import Experiment, Page, Section
from gan_jax.runs.progress import say
from gan_jax.utils.files import write_bytes

SHIPPED = Path(__file__).parents[1] / "results"
INTRODUCTION = (
    "Two networks learn from {images}: a generator G turns noise into images, and a discriminator D tells them from "
    "real {kind}. This page shows training runs, their measurements, and explanations of the results."
)
NAMES = {
    "mnist": "the digits of MNIST",
    "fashion_mnist": "the clothes of Fashion-MNIST",
    "kmnist": "the characters of KMNIST",
    "archives": "images of your own",
}


def report(folders: Sequence[Path], out: Path, pdf: bool, author: str | None, archive: bool) -> None:
    """Write the page of some results; by default of those in runs/, or else of the shipped ones.

    Args:
        folders: directories of runs and experiments.
        out: the HTML file.
        pdf: whether to write the homework, homework.pdf, beside it.
        author: name on the PDF's title.
        archive: whether to write the code, homework.zip, beside it.

    Raises:
        UserError: if a directory has no results, or `out` is not an HTML file or cannot be written.
    """
    run_report.require_html(out, "--out")
    require(pdf or author is None, "--author goes on the title of the PDF: add --pdf")
    require_author(author)
    if folders:
        results, source = gather_named(folders), "the directories given"
    else:
        results, source = gather(DEFAULT_OUT), "runs/"
        if not results:
            results, source = gather(SHIPPED), "experiments/results, the shipped results"
    for line in results.passed_over.values():
        say(f"skipped: {line}")
    words = own_words.read(out.with_name(own_words.FILE)) if pdf else {}
    say(f"making the page of {source}")
    page = html.render(make_page(results, source, whole=not folders)).encode()
    made = [(out, page, f"the report, {len(page) / 1e6:.1f} MB, of {source}")]
    try:
        if pdf:
            say("typesetting the PDF, which takes up to a minute")
            typeset, there = homework_pdf.make(results, source, author, words), split(group_by_seed(results.runs))[0]
            missing = [name for name in PARTS if name not in there]
            missing += [name for name in ("saturation", *math_sections.TITLES) if name not in results.records]
            still = f"; still missing: {', '.join(missing)}" if missing else ""
            made.append((out.with_name("homework.pdf"), typeset, f"the homework{still}"))
        if archive:
            made.append((out.with_name("homework.zip"), code_archive(), "the code that made it"))
        for path, content, what in made:  # after all have been made, so that an error changes no file
            write_bytes(path, content)
            say(f"{path}: {what}")
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error


def make_page(results: Results, source: str, whole: bool) -> Page:
    """Make the page.

    Args:
        results: the results to show.
        source: where they are from, in words.
        whole: whether the page covers all of the homework, with placeholders for missing results.
    """
    groups = group_by_seed(results.runs)
    standing, others = split(groups)
    ids = {group: part for part, group in standing.items()}
    ids |= {name: f"run-{place}" for place, name in enumerate(others, start=1)}
    most = images.epochs_for(len(groups))
    experiments, style = _experiments(results, whole)
    facts = {"shows": source} | ({"skipped": "; ".join(results.reasons())} if results.passed_over else {})
    introduction, image = _words(results.runs)
    return Page(
        title="How GANs train",
        introduction=[introduction],
        image=image,
        guide=make_guide({name for run in results.runs for name in run.metrics}),
        made=run_report.made(facts),
        generator=run_report.generator(results.runs),
        overview=run_report.overview(groups, ids) if groups else None,
        overview_charts=run_report.overview_charts(groups) if groups else [],
        parts=_parts(groups, standing, most, whole),
        others=[run_report.fill(Section(ids[name], name), groups[name], most) for name in others],
        experiments=experiments,
        style=style,
    )


def _parts(groups: Groups, standing: Mapping[str, str], most: int, whole: bool) -> list[Section]:
    """Make a section for each part; parts without runs get a placeholder if the page covers all of the homework."""
    found = {part: groups[group] for part, group in standing.items()}
    return [
        section_of_part(part, found.get(name, []), found.get(part.baseline or "", []), most)
        for name, part in PARTS.items()
        if whole or name in found
    ]


def _experiments(results: Results, whole: bool) -> tuple[list[Experiment], str]:
    """Make the sections of experiments and mathematics, and the style of the derivations."""
    records = results.records
    found, style = [], ""
    if whole or "saturation" in records:
        found.append(math_sections.saturation(records.get("saturation")))
    for name in math_sections.TITLES:
        if whole or name in records:
            experiment, style = math_sections.mathematics(name, records.get(name))
            found.append(experiment)
    return found, style


def _words(runs: Sequence[LoadedRun]) -> tuple[str, str]:
    """Return the introduction in words that suit the runs' data, and the word for one of its images."""
    datasets = sorted({run.config.dataset for run in runs}, key=list(NAMES).index) or ["mnist"]
    kind = "digit" if datasets == ["mnist"] else "image"
    return INTRODUCTION.format(images=" and ".join(NAMES[name] for name in datasets), kind=f"{kind}s"), kind
