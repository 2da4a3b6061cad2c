"""Page of any runs: an overview, a section for each group of runs that differ in the seed alone, a live generator."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from gan_jax.analysis.charts import Chart, with_few_shown
from gan_jax.analysis.metrics import CURVES
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.analysis.tables import as_cells, table
from gan_jax.config import Config
from gan_jax.data.datasets import load
from gan_jax.errors import UserError, require
from gan_jax.inference.pretrained import (
    PRETRAINED,
    TrainedDiscriminator,
    load_discriminator,
    load_generator,
    single_image_discriminator,
)
from gan_jax.losses.adversarial import LOSSES
from gan_jax.reports import images, live_generator, run_sections
from gan_jax.reports.guide import heading_meanings, make_guide
from gan_jax.reports.live_generator import Live
from gan_jax.reports.page_model import Generator, Page, Provenance, Section, Table
from gan_jax.runs import checkpoints
from gan_jax.runs.provenance import provenance
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training.state import GanState
from gan_jax.types import Params, Pretrained
from gan_jax.utils.files import write_bytes
from gan_jax.utils.text import without_folders

INTRODUCTION = (
    "Two networks: a generator G that turns noise into images, and a discriminator D that tells them from real ones. "
    "This page shows training runs and their measurements."
)
FEW = 4  # runs whose lines are all drawn in the overview's charts at first
COMPUTED_HERE = "computed here in your browser."
D_SHOWN = "Under each image is D's output: the probability it assigns to the image being real."
D_RELATIVE = (
    "Under each image is D's probability that it is more real than the average test image: 50 % is just as real."
)
D_LEFT_OUT = "Its D is left out, to keep the page small."
D_OF_MANY = "Its D has no output for a single image."


def write_report(runs: Sequence[LoadedRun], out: Path) -> Path:
    """Write the page of some runs, and return its path.

    Raises:
        UserError: if there is no run, one is given twice, or `out` is no HTML file or cannot be written.
    """
    require_html(out, "out")
    require(bool(runs), "give one run at least")
    distinct = len({Path(run.path).resolve() for run in runs}) == len(runs)
    require(distinct, "the same run is given twice")
    try:
        from gan_jax.reports import html
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        raise UserError("a report needs jinja2: python -m pip install jinja2") from error
    try:
        write_bytes(out, html.render(make_page(runs)).encode())
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error
    return out


def require_html(out: Path, name: str) -> None:
    """Raise UserError unless the path, which the user gives as `name`, can be that of an HTML file."""
    fits = out.suffix in (".html", ".htm") and not out.is_dir()
    require(fits, f"{name} names a file such as report.html, not {out}")


def make_page(runs: Sequence[LoadedRun]) -> Page:
    """Make the page of some runs, with a section for each group of them in the order given."""
    groups = group_by_seed(runs)
    ids = {name: f"run-{place}" for place, name in enumerate(groups, start=1)}
    most = images.epochs_for(len(groups))
    return Page(
        title="Training runs",
        introduction=[INTRODUCTION],
        image="digit" if {run.config.dataset for run in runs} == {"mnist"} else "image",
        guide=make_guide({name for run in runs for name in run.metrics}),
        made=made({"shows": ", ".join(groups)}),
        generator=generator(runs),
        overview=overview(groups, ids),
        overview_charts=overview_charts(groups),
        parts=[],
        others=[fill(Section(ids[name], name), group, most) for name, group in groups.items()],
        experiments=[],
    )


def overview(groups: Groups, ids: Mapping[str, str]) -> Table:
    """Make the overview, a row for each group, with the numbers that its columns are sorted by."""
    [rows, *_] = as_cells(groups)
    names = list(dict.fromkeys(name for row in table(groups) for name in row))
    keys = [
        [None, float(len(runs)), *(row[name].mean if name in row else None for name in names)]
        for runs, row in zip(groups.values(), table(groups), strict=True)
    ]
    links = [ids[name] for name in groups]
    return Table("All runs after their last epoch", rows, keys=keys, links=links, meanings=heading_meanings())


def overview_charts(groups: Groups) -> list[Chart]:
    """Chart all runs' measurements; of many runs only the first and the best by Fréchet distance are drawn at first."""
    charts = run_sections.comparison_charts(groups, without=("discriminator_loss", "generator_loss"))
    if len(groups) <= FEW:
        return charts
    distances = {name: row["frechet"].mean for name, row in zip(groups, table(groups), strict=True) if "frechet" in row}
    shown = {next(iter(groups)), *sorted(distances, key=lambda name: distances[name])[:1]}
    return [with_few_shown(chart, shown) for chart in charts]


def fill(section: Section, runs: Sequence[LoadedRun], most_epochs: int) -> Section:
    """Fill in what the sections of all runs have."""
    groups = group_by_seed(runs)
    return section._replace(
        notes=run_sections.notes(runs),
        warnings=run_sections.warnings(runs),
        hparams=run_sections.hparams(runs[0]),
        samples=images.samples(RunDir(Path(runs[0].path)), runs[0].config.seed, most_epochs, runs[0].epochs),
        charts=run_sections.run_charts(runs),
        comparison=run_sections.comparison_charts(groups, without=CURVES),  # which have charts of their own
        tables=run_sections.measurements(groups),
        provenance=[run_sections.provenance(run) for run in runs],
    )


def made(facts: Mapping[str, str]) -> Provenance:
    """Describe how the page is made, with further facts."""
    return Provenance("this page", {**run_sections.made_by(provenance()), **facts})


def generator(runs: Sequence[LoadedRun]) -> Generator:
    """Embed the networks of the newest run that has a checkpoint, if any, and the shipped generators."""
    choices, notes = [], []
    for run in sorted(filter(_has_checkpoints, runs), key=_time_of_checkpoints, reverse=True):
        folder = RunDir(Path(run.path))
        try:
            state, _ = checkpoints.load_newest(folder.checkpoints, initial_state(run.config))
            if state is None:
                raise UserError("it has no intact checkpoint")
            name = f"{run.config.name}, seed {run.config.seed}, after epoch {int(state.epoch)}"
            about = f"Of the runs on this page, G of the one that was trained last, {COMPUTED_HERE}"
            choices.append(_embed(name, about, state.sampling_params, _discriminator(state, run.config)))
            break
        except UserError as error:
            notes.append(f"{run.config.name} was skipped: {without_folders(str(error), folder.path)}.")
    if not choices:
        notes.append(
            "No run of single digits on this page has a checkpoint that can be read: ./run.sh part_a makes one."
        )
    for name in PRETRAINED:
        choices.append(_shipped(name, with_discriminator=not choices))
    return Generator(live_generator.those_that_fit(choices), notes)


@cache
def _shipped(name: Pretrained, with_discriminator: bool) -> Live:
    """Embed a shipped generator."""
    shipped, about = load_generator(pretrained=name), f"G that the package ships, {COMPUTED_HERE}"
    if with_discriminator:
        return _embed(shipped.name, about, shipped.params, load_discriminator(name))
    return live_generator.embed(shipped.name, f"{about} {D_LEFT_OUT}", shipped.params["params"])


def _has_checkpoints(run: LoadedRun) -> bool:
    """Return whether a run has checkpoints of a generator that the page can draw with."""
    stacked = run.config.hparams.stacked_digits > 1
    return run.trainer == JAX and not stacked and RunDir(Path(run.path)).checkpoints.is_dir()


def _time_of_checkpoints(run: LoadedRun) -> float:
    """Return the time at which a run's newest checkpoint was written."""
    return RunDir(Path(run.path)).checkpoints.stat().st_mtime


def _discriminator(state: GanState, config: Config) -> TrainedDiscriminator | None:
    """Return a run's D, or None if it has no output for a single image, or only beside images that are not at hand."""
    if LOSSES[config.hparams.loss].shift_invariant and config.dataset != "mnist":
        return None
    return single_image_discriminator(state.discriminator, config.hparams, lambda: load("mnist").test_images)


def _embed(name: str, about: str, generator: Params, discriminator: TrainedDiscriminator | None) -> Live:
    """Embed both networks, and say what is shown under the images."""
    if discriminator is None:
        return live_generator.embed(name, f"{about} {D_OF_MANY}", generator["params"])
    about = f"{about} {D_RELATIVE if discriminator.offset else D_SHOWN}"
    return live_generator.embed(name, about, generator["params"], discriminator.params["params"], discriminator.offset)
