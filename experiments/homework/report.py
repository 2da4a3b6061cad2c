"""The report: one HTML page of runs, experiments and checks, and the files beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.harness.options import DEFAULT_OUT
from experiments.harness.progress import say
from experiments.homework import math_sections, own_words
from experiments.homework import pdf as homework_pdf
from experiments.homework.code_archive import code_archive
from experiments.homework.part_sections import section_of, section_of_part, split
from experiments.homework.parts import PARTS
from experiments.homework.results import Results, gather, gather_named
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.analysis.tables import as_cells, table
from gan_jax.config import Config
from gan_jax.data.datasets import load
from gan_jax.errors import UserError, require
from gan_jax.inference.pretrained import (
    TrainedDiscriminator,
    load_discriminator,
    load_generator,
    single_image_discriminator,
)
from gan_jax.losses.adversarial import LOSSES
from gan_jax.reports import html, images, live_generator, run_sections
from gan_jax.reports.page_model import Experiment, Generator, Page, Provenance, Section, Table
from gan_jax.runs import checkpoints
from gan_jax.runs.provenance import provenance
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training.state import GanState
from gan_jax.types import Params
from gan_jax.utils.files import write_bytes
from gan_jax.utils.text import without_folders

SHIPPED = Path(__file__).parents[1] / "results"
INTRODUCTION = (
    "Two networks on MNIST: a generator G that turns noise into images, and a discriminator D that tells them from "
    "digits. This page shows training runs, their measurements, and explanations of the results."
)

COMPUTED_HERE = "computed here in your browser."
D_SHOWN = "Under each image is D's output: the probability it assigns to the image being real."
D_RELATIVE = (
    "Under each image is D's probability that it is more real than the average test image: 50 % is just as real."
)


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
    require(out.suffix in (".html", ".htm") and not out.is_dir(), f"--out names a file such as report.html, not {out}")
    require(pdf or author is None, "--author goes on the title of the PDF: add --pdf")
    homework_pdf.require_author(author)
    if folders:
        results, source = gather_named(folders), "the directories given"
    else:
        results, source = gather(DEFAULT_OUT), "runs/"
        if not results:
            results, source = gather(SHIPPED), "experiments/results, the shipped results"
    for line in results.passed_over.values():
        say(f"skipped: {line}")
    say(f"making the page of {source}")
    page = html.render(make_page(results, source, whole=not folders)).encode()
    made = [(out, page, f"the report, {len(page) / 1e6:.1f} MB, of {source}")]
    try:
        if pdf:
            say("typesetting the PDF, which takes up to a minute")
            words = own_words.read(out.with_name(own_words.FILE))
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
    return Page(
        title="How GANs train",
        introduction=[INTRODUCTION],
        made=_made(results, source),
        generator=_generator(results.runs),
        overview=_overview(groups, ids) if groups else None,
        overview_charts=run_sections.comparison_charts(groups, without=("discriminator_loss", "generator_loss"))
        if groups
        else [],
        parts=_parts(groups, standing, most, whole),
        others=[section_of(name, groups[name], most, ids[name]) for name in others],
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


def _overview(groups: Groups, ids: Mapping[str, str]) -> Table:
    """Make the overview, a row for each group, with the numbers that its columns are sorted by."""
    [rows, *_] = as_cells(groups)
    names = list(dict.fromkeys(name for row in table(groups) for name in row))
    keys = [
        [None, float(len(runs)), *(row[name].mean if name in row else None for name in names)]
        for runs, row in zip(groups.values(), table(groups), strict=True)
    ]
    return Table("All runs after their last epoch", rows, keys=keys, links=[ids[name] for name in groups])


def _made(results: Results, source: str) -> Provenance:
    facts = run_sections.made_by(provenance()) | {"shows": source}
    if results.passed_over:
        facts["skipped"] = "; ".join(results.reasons())
    return Provenance("this page", facts)


def _generator(runs: Sequence[LoadedRun]) -> Generator:
    """Embed the networks of the newest checkpoint of the first run that has one, or else the shipped ones."""
    reasons = []
    for run in runs:
        folder = RunDir(Path(run.path))
        if run.trainer != JAX or not folder.checkpoints.is_dir() or run.config.hparams.stacked_digits > 1:
            continue
        try:
            state, _ = checkpoints.load_newest(folder.checkpoints, initial_state(run.config))
            if state is None:
                raise UserError("it has no intact checkpoint")
            of = f"{run.config.name}, seed {run.config.seed}, after epoch {int(state.epoch)}"
            about = f"G and D of {of}, {COMPUTED_HERE}"
            return _embed(about, state.sampling_params, _discriminator(state, run.config))
        except UserError as error:
            reasons.append(f"{run.config.name} was skipped: {without_folders(str(error), folder.path)}.")
    shipped = load_generator()
    about = (
        f"G and D of {shipped.name}, which the package ships, {COMPUTED_HERE} They are shown since no run of single "
        "digits has a checkpoint that can be read: ./run.sh part_a makes one."
    )
    return _embed(" ".join([*reasons, about]), shipped.params, load_discriminator())


def _discriminator(state: GanState, config: Config) -> TrainedDiscriminator | None:
    """Return a run's D, or None if it has no output for a single image, or only beside images that are not at hand."""
    if LOSSES[config.hparams.loss].shift_invariant and config.dataset != "mnist":
        return None
    return single_image_discriminator(state.discriminator, config.hparams, lambda: load("mnist").test_images)


def _embed(about: str, generator: Params, discriminator: TrainedDiscriminator | None) -> Generator:
    """Embed both networks, and say what is shown under the images."""
    if discriminator is None:
        return Generator(f"{about} Its D has no output for a single image.", live_generator.embed(generator["params"]))
    output = D_RELATIVE if discriminator.offset else D_SHOWN
    networks = live_generator.embed(generator["params"], discriminator.params["params"], discriminator.offset)
    return Generator(f"{about} {output}", networks)
