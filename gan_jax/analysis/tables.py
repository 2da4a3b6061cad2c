"""Groups of runs against each other: a table with intervals, and differences from the first, as text, Markdown, CSV."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scipy.special import entr

from gan_jax.analysis.intervals import Interval, difference, interval
from gan_jax.analysis.run_groups import Groups, LoadedRun
from gan_jax.losses.adversarial import LOSSES, discriminator_cross_entropy
from gan_jax.utils.text import for_markdown

TIMES = "\N{MULTIPLICATION SIGN}"


class Column(NamedTuple):
    """A column of a table: of metrics.csv at the last epoch."""

    name: str
    title: str
    form: str
    geometric: bool = False  # spans decades from run to run
    compared: bool = False  # with the first group
    count: bool = False  # without decimals where every value is whole


COLUMNS = (
    Column("epoch", "epochs", "{:.0f}"),
    Column("discriminator_loss", "D loss", "{:.3g}", compared=True),
    Column("generator_loss", "G loss", "{:.3g}", compared=True),
    Column("fake_probability", "D(G(z))", "{:.2g}", geometric=True, compared=True),
    Column("generator_gradient_norm", "G gradient", "{:.2g}", geometric=True, compared=True),
    Column("frechet", "Fréchet", "{:.1f}", compared=True),
    Column("frechet_floor", "floor", "{:.1f}"),
    Column("n", "samples", "{:.0f}"),
    Column("precision", "precision", "{:.2f}", compared=True),
    Column("recall", "recall", "{:.2f}", compared=True),
    Column("density", "density", "{:.2f}", compared=True),
    Column("coverage", "coverage", "{:.2f}", compared=True),
    Column("classes_covered", "classes", "{:.1f}", compared=True, count=True),
    Column("kl_to_uniform", "KL", "{:.2f}", compared=True),
    Column("digit_share_1", "share of 1s", "{:.2f}", compared=True),
    Column("nearest_ratio", "nearest", "{:.2f}", compared=True),
    Column("modes", "modes", "{:.1f}", compared=True),
    Column("modes_kl", "KL of modes", "{:.3f}", compared=True),
)


def table(groups: Groups) -> list[dict[str, Interval]]:
    """The last epoch's values of each group by column, of those of its runs that have the column."""
    return [
        {
            column.name: interval(values, column.geometric)
            for column in COLUMNS
            if (values := _last_values(runs, column))
        }
        for runs in groups.values()
    ]


def differences(groups: Groups) -> list[dict[str, Interval]]:
    """Compute each group's differences from the first group, by column."""
    baseline, *others = groups.values()
    return [
        {
            column.name: difference(values, theirs, column.geometric)
            for column in COLUMNS
            if column.compared and (values := _last_values(runs, column)) and (theirs := _last_values(baseline, column))
        }
        for runs in others
    ]


def _last_values(runs: Sequence[LoadedRun], column: Column) -> list[float]:
    """The last epoch's, NaN where it was not measured; of the runs that have the column."""
    return [float(run.metrics[column.name][-1]) for run in runs if column.name in run.metrics]


def as_cells(groups: Groups) -> list[list[list[str]]]:
    """The table of groups and, where an interval says how much it is worth, that of differences: rows of text."""
    rows, changes = table(groups), differences(groups)
    columns = _columns_of(rows)
    cells = [
        [name, str(len(runs)), *(_cell(row.get(column.name), column, len(runs)) for column in columns)]
        for (name, runs), row in zip(groups.items(), rows, strict=True)
    ]
    tables = [[["run", "seeds", *(column.title for column in columns)], *cells]]
    if _are_told(changes):
        baseline, *names = groups
        columns = _columns_of(changes)
        cells = [
            [name, *(_change(row.get(column.name), column) for column in columns)]
            for name, row in zip(names, changes, strict=True)
        ]
        tables.append([[f"difference from {baseline}", *(column.title for column in columns)], *cells])
    return tables


def _are_told(changes: Sequence[Mapping[str, Interval]]) -> bool:
    """Tell whether these differences deserve a table: where any has an interval, which says how much it is worth."""
    return any(not math.isnan(change.spread) for row in changes for change in row.values())


def _columns_of(rows: Sequence[Mapping[str, Interval]]) -> list[Column]:
    """List the columns that any row has, in the form that suits all rows."""
    found = [column for column in COLUMNS if any(column.name in row for row in rows)]
    whole = [column.count and _are_whole([row.get(column.name) for row in rows]) for column in found]
    return [column._replace(form="{:.0f}") if each else column for column, each in zip(found, whole, strict=True)]


def _are_whole(values: Sequence[Interval | None]) -> bool:
    known = [number for value in values if value is not None for number in (value.mean, value.spread)]
    return all(math.isnan(number) or float(number).is_integer() for number in known)


def _cell(value: Interval | None, column: Column, runs: int) -> str:
    """A mean of so many runs, and of how many of them if some lack it."""
    if value is None or math.isnan(value.mean):
        return "-"
    zeros = f", zeros: {value.zeros} of {runs}" if value.zeros and runs > 1 else ""
    counted = value.n + value.zeros
    return format_interval(value, column.form) + zeros + (f" (n = {counted})" if counted < runs else "")


def _change(value: Interval | None, column: Column) -> str:
    """A difference, or a ratio."""
    if value is None or value.n + value.zeros == 0:
        return "-"
    if value.zeros:
        return "zeros"
    if value.n == 1:
        return "n = 1"
    return format_interval(value, TIMES + column.form if column.geometric else column.form.replace(":", ":+"))


def format_interval(value: Interval, form: str) -> str:
    """A mean and, if there is one, its interval, of which a factor has three digits."""
    mean = form.format(value.mean)
    if value.n <= 1 or value.spread == (1 if value.geometric else 0):
        return mean
    if value.geometric:
        return f"{mean} {TIMES}/÷ {value.spread:.3g}"
    return f"{mean} ± {form.replace('+', '').format(value.spread)}"


def non_comparable(groups: Groups) -> dict[str, str]:
    """Explain, by column, which metrics of the groups cannot be compared: losses, and D's output."""
    settings = {name: runs[0].config.hparams for name, runs in groups.items()}
    functions = "the runs minimise different functions"
    found = {}
    games = {(LOSSES[each.loss].discriminator, each.real_target, each.fake_target) for each in settings.values()}
    if len(games) > 1 and {function for function, *_ in games} == {discriminator_cross_entropy}:
        least = ", ".join(
            f"{entropy(hparams.real_target) + entropy(hparams.fake_target):.2g} in {name}"
            for name, hparams in settings.items()
        )
        found["discriminator_loss"] = f"its minimum is the entropy of D's targets, in nats: {least}"
    elif len(games) > 1:
        found["discriminator_loss"] = functions
    if len({(hparams.loss, hparams.generator_target) for hparams in settings.values()}) > 1:
        found["generator_loss"] = functions
    if floating := [name for name, hparams in settings.items() if LOSSES[hparams.loss].shift_invariant]:
        found["fake_probability"] = f"D is known but for a constant in {', '.join(floating)}"
    return found


def footnotes(groups: Groups, with_differences: bool = True) -> list[str]:
    """Explain how to read the tables, a line each.

    Args:
        groups: what the tables are of.
        with_differences: whether that of differences, if there is one, stands beside the other.
    """
    notes = []
    if any(len(runs) > 1 for runs in groups.values()):
        logarithmic = " and ".join(column.title for column in COLUMNS if column.geometric)
        notes.append("mean ± half width of the 95 % interval (Student's t over the seeds; every run is counted)")
        notes.append(
            f"{logarithmic}: geometric mean {TIMES}/÷ factor of the 95 % interval (t on logarithms; zeros apart)"
        )
        if with_differences and _are_told(differences(groups)):
            notes.append(
                f"differences from {next(iter(groups))}, of {logarithmic} ratios: 95 % intervals by Welch's t "
                "(unequal variances, seeds not paired)"
            )
    if any(len(runs) == 1 for runs in groups.values()):
        notes.append("n = 1, a single run: no interval, nor one of a difference")
    titles = {column.name: column.title for column in COLUMNS}
    notes += [f"{titles[name]}: not comparable, {why}" for name, why in non_comparable(groups).items()]
    return notes


def entropy(target: float) -> float:
    """Binary entropy in nats: the minimum of the cross-entropy for this target."""
    return float(entr(target) + entr(1 - target))


def as_text(groups: Groups) -> str:
    """The tables and notes for a terminal: a run a column, since runs are fewer than measurements."""
    blocks = []
    for cells in as_cells(groups):
        lines = list(zip(*cells, strict=True))
        widths = [max(len(line[i]) for line in lines) for i in range(len(cells))]
        blocks.append(
            "\n".join(
                "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                for line in lines
            )
        )
    return "\n\n".join([*blocks, *filter(None, ["\n".join(footnotes(groups))])])


def as_markdown(groups: Groups) -> str:
    """The tables and notes for a README: a group a row."""
    blocks = [
        "".join(
            "| " + " | ".join(map(for_markdown, line)) + " |\n" for line in [heading, ["---"] * len(heading), *cells]
        )
        for heading, *cells in as_cells(groups)
    ]
    return "\n".join([*blocks, *filter(None, ["".join(f"- {for_markdown(note)}\n" for note in footnotes(groups))])])


def as_csv(groups: Groups) -> str:
    """The tables for programs, in full precision: mean, half width or factor, and n in columns of their own.

    The first group has no difference, and its cells of differences are empty.
    """
    rows, changes = table(groups), [{}, *differences(groups)]
    lines = []
    for (name, runs), row, change in zip(groups.items(), rows, changes, strict=True):
        line: dict[str, str | float] = {"run": name, "seeds": len(runs)}
        for column in _columns_of(rows):
            value = row.get(column.name, Interval(math.nan, math.nan, 0))
            spread = "factor" if column.geometric else "half_width"
            line |= {column.name: value.mean, f"{column.name}_{spread}": value.spread, f"{column.name}_n": value.n}
            if column.geometric:
                line[f"{column.name}_zeros"] = value.zeros
        for column in _columns_of(changes):
            value = change.get(column.name, Interval(math.nan, math.nan, 0))
            title = f"{column.name}_{'ratio' if column.geometric else 'difference'}"
            spread = "factor" if column.geometric else "half_width"
            line |= {title: value.mean, f"{title}_{spread}": value.spread}
        lines.append(line)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0])
    for line in lines:
        writer.writerow("" if isinstance(value, float) and math.isnan(value) else value for value in line.values())
    return text.getvalue()
