"""Page of any runs: an overview, a section for each group of runs that differ in the seed alone, a live generator."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_jax.analysis.charts import Chart
from gan_jax.analysis.metrics import CURVES
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
from gan_jax.reports import images, live_generator, run_sections
from gan_jax.reports.page_model import Generator, Page, Provenance, Section, Table
from gan_jax.runs import checkpoints
from gan_jax.runs.provenance import provenance
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training.state import GanState
from gan_jax.types import Params
from gan_jax.utils.files import write_bytes
from gan_jax.utils.text import without_folders

INTRODUCTION = (
    "Two networks: a generator G that turns noise into images, and a discriminator D that tells them from real ones. "
    "This page shows training runs and their measurements."
)
COMPUTED_HERE = "computed here in your browser."
D_SHOWN = "Under each image is D's output: the probability it assigns to the image being real."
D_RELATIVE = (
    "Under each image is D's probability that it is more real than the average test image: 50 % is just as real."
)


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
    return Table("All runs after their last epoch", rows, keys=keys, links=[ids[name] for name in groups])


def overview_charts(groups: Groups) -> list[Chart]:
    """Chart what can be compared of all runs."""
    return run_sections.comparison_charts(groups, without=("discriminator_loss", "generator_loss"))


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
