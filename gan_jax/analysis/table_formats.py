"""Tables of runs as text for a terminal, as Markdown, and as CSV."""

import csv
import io
import math

from gan_jax.analysis.intervals import Interval
from gan_jax.analysis.run_groups import Groups
from gan_jax.analysis.tables import as_cells, columns_of, differences, footnotes, table
from gan_jax.utils.text import for_markdown


def as_text(groups: Groups) -> str:
    """Format the tables and notes for a terminal: a column for each run, since runs are fewer than measurements."""
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
    """Format the tables and notes for a README: a row for each group."""
    blocks = [
        "".join(
            "| " + " | ".join(map(for_markdown, line)) + " |\n" for line in [heading, ["---"] * len(heading), *cells]
        )
        for heading, *cells in as_cells(groups)
    ]
    return "\n".join([*blocks, *filter(None, ["".join(f"- {for_markdown(note)}\n" for note in footnotes(groups))])])


def as_csv(groups: Groups) -> str:
    """Format the tables as CSV in full precision: mean, half width or factor, and n in separate columns.

    The cells of the first group's differences are empty.
    """
    rows, changes = table(groups), [{}, *differences(groups)]
    lines = []
    for (name, runs), row, change in zip(groups.items(), rows, changes, strict=True):
        line: dict[str, str | float] = {"run": name, "seeds": len(runs)}
        for column, metric in columns_of(rows).items():
            value = row.get(column, Interval(math.nan, math.nan, 0))
            spread = "factor" if metric.geometric else "half_width"
            line |= {column: value.mean, f"{column}_{spread}": value.spread, f"{column}_n": value.n}
            if metric.geometric:
                line[f"{column}_zeros"] = value.zeros
        for column, metric in columns_of(changes).items():
            value = change.get(column, Interval(math.nan, math.nan, 0))
            title = f"{column}_{'ratio' if metric.geometric else 'difference'}"
            spread = "factor" if metric.geometric else "half_width"
            line |= {title: value.mean, f"{title}_{spread}": value.spread}
        lines.append(line)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0])
    for line in lines:
        writer.writerow("" if isinstance(value, float) and math.isnan(value) else value for value in line.values())
    return text.getvalue()
