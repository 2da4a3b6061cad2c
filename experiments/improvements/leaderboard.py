"""Leaderboard of the study of improvements, as a table, a figure and JSON: the changes of part_a, best first."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.improvements.cost import Cost
from experiments.improvements.variants import CHANGES
from gan_jax.analysis.formats import TIMES, format_interval
from gan_jax.analysis.intervals import Interval, aggregate_seeds, difference, interval
from gan_jax.analysis.metrics import METRICS
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.plotting.style import REFERENCE, RUN_COLORS, line_style

BASELINE = "part_a"
MEASURED = ("frechet", "density", "coverage", "classes_covered", "kl_to_uniform", "nearest_ratio")
COLUMNS = {name: (METRICS[name].title, METRICS[name].format) for name in MEASURED}
COLUMNS["raw_frechet"] = ("Fréchet of G itself", METRICS["frechet"].format)
OTHERS = {  # columns that `rank` computes
    "ratio": ("times part_a's", TIMES + "{:.3f}"),
    "at_equal_time": ("Fréchet in part_a's time", "{:.1f}"),
    "cost": ("an epoch's time in part_a's", "{:.2f}"),
    "seconds": ("s per epoch", "{:.1f}"),
}
SMOOTHING = {  # losses and targets of arXiv:1708.01729: not smoothed, one-sided, two-sided
    "-log D(G(z))": (BASELINE, "part_c6", "part_c5"),
    "log(1 - D(G(z)))": ("part_b", "one_sided_saturating", "two_sided_saturating"),
}
MOST_CURVES = 8  # in the figure: part_a and the best
Found = Mapping[str, Sequence[LoadedRun]]  # the seeds of each change
Rows = Mapping[str, Mapping[str, Interval]]


def rank(found: Found, costs: Mapping[str, Cost]) -> dict[str, dict[str, Interval]]:
    """Rank the changes by Fréchet distance, with their metrics after the last epoch.

    Columns besides those in COLUMNS: "ratio", the Fréchet distance over part_a's; "at_equal_time", the distance after
    the time that part_a takes; "cost", the time of an epoch over part_a's; and "seconds", the time of an epoch.
    """
    baseline = _last(found[BASELINE], "frechet")
    rows = {}
    for name, members in found.items():
        cost = costs[name]
        row = {column: interval(_last(members, column)) for column in COLUMNS}
        ratio = difference(_last(members, "frechet"), baseline, geometric=True)
        if len(members) == 2:  # which are shown where their interval is too wide to read
            usual = interval(baseline, geometric=True).mean
            ratio = ratio._replace(values=tuple(value / usual for value in _last(members, "frechet")))
        row["ratio"] = ratio if name != BASELINE else interval([1.0], geometric=True)
        row["at_equal_time"] = interval([frechet_at(run, len(run.metrics["epoch"]) / cost.times) for run in members])
        row["cost"] = interval([cost.times])
        row["seconds"] = interval([cost.epoch_seconds])
        rows[name] = row
    return dict(sorted(rows.items(), key=lambda item: item[1]["frechet"].mean))


def _last(runs: Sequence[LoadedRun], column: str) -> list[float]:
    return [float(run.metrics[column][-1]) for run in runs if column in run.metrics]


def frechet_at(run: LoadedRun, epochs: float) -> float:
    """Return the Fréchet distance after some epochs, interpolated log-linearly between measurements.

    It is NaN before the first measurement, and the last value after the last one.
    """
    measured = np.isfinite(run.metrics["frechet"])
    if not measured.any():
        return math.nan
    logarithms = np.log(run.metrics["frechet"][measured])
    return math.exp(np.interp(epochs, run.metrics["epoch"][measured], logarithms, left=math.nan))


def as_json(rows: Rows) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the table in full precision, with null for NaN, which JSON lacks."""
    return {
        name: {
            column: {
                field: number if math.isfinite(number) else None
                for field, number in value._asdict().items()
                if field != "values"
            }
            for column, value in row.items()
        }
        for name, row in rows.items()
    }


def as_markdown(rows: Rows, found: Found, diverged: Mapping[str, str]) -> str:
    """Format the leaderboard: ± is a 95 % interval over the seeds by Student's t, and a factor is one of logarithms."""
    columns = {name: entry for name, entry in (COLUMNS | OTHERS).items()
               if any(math.isfinite(row[name].mean) for row in rows.values())}  # fmt: skip
    heading = ["change", "seeds", *(title for title, _ in columns.values()), "what"]
    lines = [heading, ["---"] * len(heading)]
    for name, row in rows.items():
        cells = [_cell(row[column], form) for column, (_, form) in columns.items()]
        lines.append([f"`{name}`", str(len(found[name])), *cells, CHANGES[name].what])
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    text += "".join(f"\n`{name}` diverged: {reason}\n" for name, reason in diverged.items())
    return text + _two_by_two(rows)


def _two_by_two(rows: Rows) -> str:
    """Tabulate smoothing under both of G's losses, if all of these changes were trained."""
    if any(name not in rows for names in SMOOTHING.values() for name in names):
        return ""
    text = "\n| Fréchet: G minimizes | no smoothing | one-sided | two-sided |\n| --- | --- | --- | --- |\n"
    for loss, names in SMOOTHING.items():
        text += "| " + " | ".join([loss, *(_cell(rows[name]["frechet"], "{:.1f}") for name in names)]) + " |\n"
    return text


def _cell(value: Interval, form: str) -> str:
    return "-" if math.isnan(value.mean) else format_interval(value, form)


def draw(rows: Rows, found: Found, costs: Mapping[str, Cost]) -> Figure:
    """Draw the Fréchet distances of all changes after the last epoch, and those of the best over training time."""
    figure = Figure(figsize=(12, 1.2 + 0.3 * max(len(rows), 10)), layout="constrained")
    ranks, curves = figure.subplots(1, 2, width_ratios=[1.1, 1])
    for place, (name, members) in enumerate(reversed([(name, found[name]) for name in rows])):
        color = RUN_COLORS[1] if name == BASELINE else RUN_COLORS[0]
        values = _last(members, "frechet")
        mean, factor, *_ = interval(values, geometric=True)  # as the axis is logarithmic
        if math.isfinite(factor):
            ranks.plot([mean / factor, mean * factor], [place, place], color=color, marker="|", markersize=8)
        ranks.plot(mean, place, color=color, marker="o", markersize=5)
        ranks.plot(values, [place] * len(values), linestyle="", marker=".", markersize=4, color="black", alpha=0.5)
    ranks.set_yticks(range(len(rows)), list(reversed(list(rows))))
    ranks.axvline(rows[BASELINE]["frechet"].mean, color=RUN_COLORS[1], linestyle=":", linewidth=1)
    floor = float(found[BASELINE][0].metrics["frechet_floor"][-1])
    ranks.axvline(floor, color=REFERENCE, linestyle="--", linewidth=1)
    ranks.set(xscale="log", xlabel="classifier Fréchet distance (dashed: real against real)")
    ranks.set_title("after the last epoch: geometric mean, 95 % interval, each seed", fontsize=10)
    best = [name for name in rows if name != BASELINE][: MOST_CURVES - 1]
    for place, name in enumerate([BASELINE, *best]):
        color = (RUN_COLORS[1], RUN_COLORS[0], *RUN_COLORS[2:])[place % len(RUN_COLORS)]
        time = costs[name].times * found[name][0].metrics["epoch"]
        frechet = np.array([run.metrics["frechet"] for run in found[name]])
        measured = np.isfinite(frechet).all(axis=0)
        style = line_style(place // len(RUN_COLORS))
        center = aggregate_seeds(frechet[:, measured], logarithmic=True)
        curves.plot(time[measured], center, color=color, linestyle=style, marker=".", label=name)
    curves.axhline(floor, color=REFERENCE, linestyle="--", linewidth=1)
    curves.set(xscale="log", yscale="log", xlabel="time, in epochs of part_a", ylabel="Fréchet distance")
    curves.set_title(f"over time: {BASELINE} and the best", fontsize=10)
    curves.legend(frameon=False, fontsize=8)
    for axis in (ranks, curves):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure
