"""The report: one page that shows what was found, and the writing of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.harness.options import DEFAULT_OUT
from experiments.harness.progress import say
from experiments.homework import math_sections
from experiments.homework import pdf as homework_pdf
from experiments.homework.code_archive import code_archive
from experiments.homework.part_sections import section_of, section_of_part, split
from experiments.homework.parts import PARTS
from experiments.homework.results import Results, gather, gather_named
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.analysis.tables import as_cells, table
from gan_jax.errors import UserError, require
from gan_jax.inference.pretrained import load_discriminator, load_generator
from gan_jax.losses.adversarial import LOSSES
from gan_jax.reports import html, images, live_generator, run_sections
from gan_jax.reports.page_model import Experiment, Generator, Page, Provenance, Section, Table
from gan_jax.runs import checkpoints
from gan_jax.runs.provenance import provenance
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.runs.trainer import initial_state
from gan_jax.training.apply_fns import discriminator_weights
from gan_jax.utils.files import write_bytes
from gan_jax.utils.text import without_folders

SHIPPED = Path(__file__).parents[1] / "results"
INTRODUCTION = (
    "Two networks on MNIST: a generator G that makes images of noise, and a discriminator D that tells them from "
    "digits. This page shows runs of them, what was measured, and why it came out so."
)


def report(folders: Sequence[Path], out: Path, pdf: bool, author: str | None, archive: bool) -> None:
    """Write the page of the runs in these folders; of none, of all that lies in runs/, or else of what is shipped.

    Args:
        folders: of runs and of experiments.
        out: the page's file.
        pdf: whether to write the homework, homework.pdf, beside it.
        author: whose name the PDF's title bears.
        archive: whether to write the code, homework.zip, beside it.

    Raises:
        UserError: if a folder holds nothing to show, or `out` is no file of HTML or cannot be written.
    """
    require(out.suffix in (".html", ".htm") and not out.is_dir(), f"--out names a file such as report.html, not {out}")
    require(pdf or author is None, "--author goes on the title of the PDF: add --pdf")
    homework_pdf.require_author(author)
    if folders:
        results, source = gather_named(folders), "the folders that were named"
    else:
        results, source = gather(DEFAULT_OUT), "runs/"
        if not results:
            results, source = gather(SHIPPED), "experiments/results, the shipped results"
    for line in results.passed_over.values():
        say(f"passed over: {line}")
    page = html.render(make_page(results, source, whole=not folders)).encode()
    made = [(out, page, f"the report, {len(page) / 1e6:.1f} MB, of {source}")]
    try:
        if pdf:
            typeset, there = homework_pdf.make(results, source, author), split(group_by_seed(results.runs))[0]
            missing = [name for name in PARTS if name not in there]
            missing += [name for name in ("saturation", *math_sections.TITLES) if name not in results.records]
            told = f", in which these are still to be made: {', '.join(missing)}" if missing else ""
            made.append((out.with_name("homework.pdf"), typeset, f"the homework{told}"))
        if archive:
            made.append((out.with_name("homework.zip"), code_archive(), "the code that made it"))
        for path, content, what in made:  # when all of it is there: what is refused changes no file
            write_bytes(path, content)
            say(f"{path}: {what}")
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error


def make_page(results: Results, source: str, whole: bool) -> Page:
    """Make the content of the page.

    Args:
        results: what was found.
        source: where, in words.
        whole: whether the page is of all of the homework, so that what is missing has a placeholder.
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
        overview_charts=run_sections.comparison_charts(groups, without=("generator_loss",)) if groups else [],
        parts=_parts(groups, standing, most, whole),
        others=[section_of(name, groups[name], most, ids[name]) for name in others],
        experiments=experiments,
        style=style,
    )


def _parts(groups: Groups, standing: Mapping[str, str], most: int, whole: bool) -> list[Section]:
    """A section for each part; of those that are not there, a placeholder if the page is of the whole."""
    found = {part: groups[group] for part, group in standing.items()}
    return [
        section_of_part(part, found.get(name, []), found.get(part.baseline or "", []), most)
        for name, part in PARTS.items()
        if whole or name in found
    ]


def _experiments(results: Results, whole: bool) -> tuple[list[Experiment], str]:
    """The other sections, and the style that their derivations take."""
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
    """A row a group, with the numbers that its columns are sorted by."""
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
        facts["passed over"] = "; ".join(results.reasons())
    return Provenance("this page", facts)


def _generator(runs: Sequence[LoadedRun]) -> Generator:
    """The networks of the first run that has a checkpoint, after its newest; of none, the shipped ones."""
    reasons = []
    for run in runs:
        folder = RunDir(Path(run.path))
        if run.trainer != JAX or not folder.checkpoints.is_dir() or run.config.hparams.stacked_digits > 1:
            continue
        try:
            state, _ = checkpoints.load_newest(folder.checkpoints, initial_state(run.config))
            if state is None:
                raise UserError("it has no checkpoint that is whole")
            alone = run.config.hparams.grouped == 1 and not LOSSES[run.config.hparams.loss].shift_invariant
            weights = discriminator_weights(state.discriminator, run.config.hparams)["params"]
            judge = weights if alone else None  # where D has no verdict on a single image
            embedded = live_generator.embed(state.sampling_params["params"], judge)
        except UserError as error:
            reasons.append(f"{run.config.name} was passed over: {without_folders(str(error), folder.path)}.")
            continue
        verdict = (
            "Under each image is D's verdict: how probable it finds it that the image is real."
            if alone
            else "Its D has no verdict on a single image: it judges pairs or groups."
        )
        about = (
            f"G and D of {run.config.name}, seed {run.config.seed}, after epoch {int(state.epoch)}, computed here in "
            f"your browser. {verdict}"
        )
        return Generator(about, embedded)
    shipped = load_generator()
    about = (
        f"These are G and D of {shipped.name}, which the package ships, computed here in your browser. Under each "
        "image is D's verdict: how probable it finds it that the image is real. ./run.sh part_a makes a run with a "
        "checkpoint, and ./run.sh report then shows its networks."
    )
    networks = live_generator.embed(shipped.params["params"], load_discriminator()["params"])
    return Generator(" ".join(["There is no run of single digits with a checkpoint.", *reasons, about]), networks)
