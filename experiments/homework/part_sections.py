"""The homework's parts, and other runs, as sections of the report."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from experiments.harness.comparison import read_baseline
from experiments.homework.explanations import reason
from experiments.homework.parts import PARTS, Part
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.analysis.tables import non_comparable
from gan_jax.errors import UserError
from gan_jax.reports import images, run_sections
from gan_jax.reports.page_model import Section
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.utils.text import without_folders

OPTIONS = {"batch_size", "learning_rate", "precision"}  # of a setting, which every part's command takes


def part_of(run: LoadedRun) -> Part | None:
    """The part of the homework that a run is of, by its name and what makes the part."""
    part = PARTS.get(run.config.name.removesuffix(f"-seed_{run.config.seed}"))
    if part is None or run.trainer != JAX:
        return None
    here, there = run.config.flat(), part.config.flat()
    decisive = {"discriminator_steps", *asdict(part.config.hparams)} - OPTIONS
    return part if all(here[name] == there[name] for name in decisive) else None


def split(groups: Groups) -> tuple[dict[str, str], list[str]]:
    """The name of the group that stands for each part, by the part's name, and the groups that stand for none.

    Of several groups of a part it is the one whose runs are longest, and of those the one with most seeds.
    """
    standing: dict[str, str] = {}
    for name, runs in groups.items():
        part = part_of(runs[0])
        if part is None:
            continue
        other = standing.get(part.config.name)
        if other is None or _length(groups[other]) < _length(runs):
            standing[part.config.name] = name
    return standing, [name for name in groups if name not in standing.values()]


def _length(runs: Sequence[LoadedRun]) -> tuple[int, int]:
    """Epochs of each of them, and how many they are."""
    return runs[0].epochs, len(runs)


def section_of_part(part: Part, runs: Sequence[LoadedRun], baseline: Sequence[LoadedRun], most_epochs: int) -> Section:
    """A part's section, whose id is the part's name.

    Args:
        part: the part.
        runs: of it, which differ in the seed; none for a placeholder.
        baseline: the runs of the part that it is compared with, as far as there are any.
        most_epochs: whose samples are shown.
    """
    name = part.config.name
    about = Section(name, name, part.question, part.claim, part.measured)
    if not runs:
        return about._replace(missing=f"./run.sh {name}")
    groups, notes = ({}, []) if part.baseline is None else compared(part, runs, baseline)
    why = reason(part, runs, groups)
    shown = {_column_of(chart.title) for chart in why.charts}
    filled = _fill(about, runs, most_epochs)
    return filled._replace(
        notes=[*filled.notes, *notes],
        beside=part.baseline if part.baseline is not None and baseline else "",
        reason=why,
        comparison=run_sections.comparison_charts(groups, without=[*filter(None, shown), *non_comparable(groups)])
        if groups
        else filled.comparison,
        tables=run_sections.measurements(groups) if groups else filled.tables,
    )


def section_of(name: str, runs: Sequence[LoadedRun], most_epochs: int, id: str) -> Section:
    """The section of runs that are no part of the homework."""
    return _fill(Section(id, name), runs, most_epochs)


def _fill(section: Section, runs: Sequence[LoadedRun], most_epochs: int) -> Section:
    """Make the part of a section that any runs have."""
    groups = group_by_seed(runs)
    without = ("generator_gradient_norm", "fake_probability", "generator_loss")  # charts of their own
    return section._replace(
        notes=run_sections.notes(runs),
        warnings=run_sections.warnings(runs),
        hparams=run_sections.hparams(runs[0]),
        samples=images.samples(RunDir(Path(runs[0].path)), runs[0].config.seed, most_epochs, runs[0].epochs),
        charts=run_sections.run_charts(runs),
        comparison=run_sections.comparison_charts(groups, without=without),
        tables=run_sections.measurements(groups),
        provenance=[run_sections.provenance(run) for run in runs],
    )


def _column_of(title: str) -> str | None:
    return next((name for name, known, _ in run_sections.COMPARED if known == title), None)


def compared(part: Part, runs: Sequence[LoadedRun], baseline: Sequence[LoadedRun]) -> tuple[Groups, list[str]]:
    """The runs after all of the baseline's that were made with the same options, and why others are not there.

    Seeds are not paired, so that a single run is seen beside the spread of its baseline.
    """
    found, notes = [], {}  # the notes are keys: several seeds often have one reason
    for other in baseline:
        like = runs[0]._replace(config=replace(runs[0].config, seed=other.config.seed))
        try:
            found.append(read_baseline(Path(other.path), like, part.changes))
        except UserError as error:
            why = without_folders(str(error), Path(other.path), Path(runs[0].path))
            notes[f"Not compared with {part.baseline}: {why}."] = None
    if not baseline:
        notes[f"There is no {part.baseline} to compare it with: ./run.sh {part.baseline} makes it."] = None
    return (group_by_seed([*found, *runs]) if found else {}), list(notes)
