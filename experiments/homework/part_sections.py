"""Sections of the report on the homework's parts and on other runs."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from experiments.homework.explanations import reason
from experiments.homework.parts import PARTS, Part
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed
from gan_jax.analysis.tables import non_comparable
from gan_jax.reports import run_report, run_sections
from gan_jax.reports.page_model import Section
from gan_jax.runs.comparison import read_baselines
from gan_jax.runs.run_dir import JAX
from gan_jax.utils.text import without_folders

OPTIONS = {"batch_size", "learning_rate", "precision"}  # hyperparameters that every part's command takes


def part_of(run: LoadedRun) -> Part | None:
    """Return the part of the homework that a run belongs to, by its name and decisive hyperparameters."""
    name = run.config.name.removesuffix(f"-seed_{run.config.seed}").removesuffix(f"-{run.config.dataset}")
    part = PARTS.get(name)
    if part is None or run.trainer != JAX:
        return None
    here, there = run.config.flat(), part.config.flat()
    decisive = {"discriminator_steps", *asdict(part.config.hparams)} - OPTIONS
    return part if all(here[name] == there[name] for name in decisive) else None


def split(groups: Groups) -> tuple[dict[str, str], list[str]]:
    """Choose the group that represents each part, by the part's name, and list the other groups.

    Among several groups of a part the one with the longest runs is chosen, and among those the one with most seeds.
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
    """Return the epochs of a group's runs, and their number."""
    return runs[0].epochs, len(runs)


def section_of_part(part: Part, runs: Sequence[LoadedRun], baseline: Sequence[LoadedRun], most_epochs: int) -> Section:
    """Make a part's section, whose id is the part's name.

    Args:
        part: the part.
        runs: its runs, which differ in the seed; empty: make a placeholder.
        baseline: the runs of its baseline, if any.
        most_epochs: number of epochs whose samples are shown, at most.
    """
    name = part.config.name
    about = Section(name, name, part.question, part.claim, part.measured)
    if not runs:
        return about._replace(missing=f"./run.sh {name}")
    groups, notes = ({}, []) if part.baseline is None else compared(part, runs, baseline)
    why = reason(part, runs, groups)
    shown = {chart.title for chart in why.charts}
    others = run_sections.comparison_charts(groups, without=list(non_comparable(groups))) if groups else []
    filled = run_report.fill(about, runs, most_epochs)
    return filled._replace(
        notes=[*filled.notes, *notes],
        beside=part.baseline if part.baseline is not None and baseline else "",
        reason=why,
        comparison=[chart for chart in others if chart.title not in shown] if groups else filled.comparison,
        tables=run_sections.measurements(groups) if groups else filled.tables,
    )


def compared(part: Part, runs: Sequence[LoadedRun], baseline: Sequence[LoadedRun]) -> tuple[Groups, list[str]]:
    """Group the baseline's runs with the same options and a part's runs, and say why other baselines are left out.

    Seeds are not paired, so that a single run can be compared with the spread of its baseline.
    """
    paths = [Path(other.path) for other in baseline]
    alike = [runs[0]._replace(config=replace(runs[0].config, seed=other.config.seed)) for other in baseline]
    found, reasons = read_baselines(paths, alike, part.changes)
    shown = [without_folders(reason, *paths, Path(runs[0].path)) for reason in reasons]
    notes = [
        f"Not compared with {part.baseline}: {reason}." for reason in dict.fromkeys(shown)
    ]  # seeds often share one
    if not baseline:
        notes.append(f"There is no {part.baseline} to compare it with: train it with ./run.sh {part.baseline}.")
    return (group_by_seed([*found, *runs]) if found else {}), notes
