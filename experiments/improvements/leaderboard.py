"""The study of improvements as a table, a figure and a record: the changes of part_a, the best first."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.improvements.cost import Cost
from experiments.improvements.variants import CHANGES
from gan_jax.analysis.intervals import Interval, difference, interval
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.analysis.tables import TIMES, format_interval
from gan_jax.plotting.panels import EQUILIBRIUM, RUN_COLOURS, RUN_STYLES, aggregate_seeds

BASELINE = "part_a"
COLUMNS = {  # of metrics.csv: a title and a form
    "frechet": ("Fréchet", "{:.1f}"),
    "density": ("density", "{:.2f}"),
    "coverage": ("coverage", "{:.2f}"),
    "classes_covered": ("classes", "{:.1f}"),
    "kl_to_uniform": ("KL", "{:.3f}"),
    "nearest_ratio": ("nearest", "{:.2f}"),
    "raw_frechet": ("Fréchet of G itself", "{:.1f}"),
}
OTHERS = {  # of `rank`
    "ratio": ("times part_a's", TIMES + "{:.3f}"),
    "at_equal_time": ("Fréchet in part_a's time", "{:.1f}"),
    "cost": ("an epoch's time in part_a's", "{:.2f}"),
    "seconds": ("s an epoch", "{:.1f}"),
}
SMOOTHING = {  # the two-by-two of arXiv:1708.01729, and the targets that are not smoothed
    "-log D(G(z))": (BASELINE, "part_c6", "part_c5"),
    "log(1 - D(G(z)))": ("part_b", "one_sided_saturating", "two_sided_saturating"),
}
CURVES = 8  # in the figure: the best, and part_a
Found = Mapping[str, Sequence[LoadedRun]]  # the seeds of each change
Rows = Mapping[str, Mapping[str, Interval]]


def rank(found: Found, costs: Mapping[str, Cost]) -> dict[str, dict[str, Interval]]:
    """Rank the changes by Fréchet distance, with their metrics after the last epoch.

    Besides those in COLUMNS: "ratio", of the Fréchet distance to part_a's; "at_equal_time", the distance in the time
    that part_a takes; "cost", an epoch's time in part_a's; and its "seconds".
    """
    theirs = [float(run.metrics["frechet"][-1]) for run in found[BASELINE]]
    rows = {}
    for name, members in found.items():
        cost = costs[name]
        row = {
            column: interval([float(run.metrics[column][-1]) for run in members if column in run.metrics])
            for column in COLUMNS
        }
        ratio = difference([float(run.metrics["frechet"][-1]) for run in members], theirs, geometric=True)
        row["ratio"] = ratio if name != BASELINE else interval([1.0], geometric=True)
        row["at_equal_time"] = interval([frechet_at(run, len(run.metrics["epoch"]) / cost.times) for run in members])
        row["cost"] = interval([cost.times])
        row["seconds"] = interval([cost.epoch_seconds])
        rows[name] = row
    return dict(sorted(rows.items(), key=lambda item: item[1]["frechet"].mean))


def frechet_at(run: LoadedRun, epochs: float) -> float:
    """The Fréchet distance after so many epochs, between measurements in the ratio of their distances; or the last.

    NaN before the first measurement.
    """
    measured = np.isfinite(run.metrics["frechet"])
    if not measured.any():
        return math.nan
    logarithms = np.log(run.metrics["frechet"][measured])
    return math.exp(np.interp(epochs, run.metrics["epoch"][measured], logarithms, left=math.nan))


def as_json(rows: Rows) -> dict[str, dict[str, dict[str, float | None]]]:
    """The table in full precision; JSON knows no NaN: null in its place."""
    return {
        name: {
            column: {field: number if math.isfinite(number) else None for field, number in value._asdict().items()}
            for column, value in row.items()
        }
        for name, row in rows.items()
    }


def as_markdown(rows: Rows, found: Found, diverged: Mapping[str, str]) -> str:
    """The leaderboard; a ± is a 95 % interval over the seeds by Student's t, a factor the same of logarithms."""
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
    """Smoothing under either of G's losses, if all of it was trained."""
    if any(name not in rows for names in SMOOTHING.values() for name in names):
        return ""
    text = "\n| Fréchet: G minimises | no smoothing | one-sided | two-sided |\n| --- | --- | --- | --- |\n"
    for loss, names in SMOOTHING.items():
        text += "| " + " | ".join([loss, *(_cell(rows[name]["frechet"], "{:.1f}") for name in names)]) + " |\n"
    return text


def _cell(value: Interval, form: str) -> str:
    return "-" if math.isnan(value.mean) else format_interval(value, form)


def draw(rows: Rows, found: Found, costs: Mapping[str, Cost]) -> Figure:
    """The Fréchet distances of all changes after the last epoch, and of the best of them over the time trained."""
    figure = Figure(figsize=(12, 1.2 + 0.3 * max(len(rows), 10)), layout="constrained")
    ranks, curves = figure.subplots(1, 2, width_ratios=[1.1, 1])
    for place, (name, members) in enumerate(reversed([(name, found[name]) for name in rows])):
        colour = RUN_COLOURS[1] if name == BASELINE else RUN_COLOURS[0]
        values = [float(run.metrics["frechet"][-1]) for run in members]
        mean, factor, *_ = interval(values, geometric=True)  # the axis is of logarithms
        if math.isfinite(factor):
            ranks.plot([mean / factor, mean * factor], [place, place], color=colour, marker="|", markersize=8)
        ranks.plot(mean, place, color=colour, marker="o", markersize=5)
        ranks.plot(values, [place] * len(values), linestyle="", marker=".", markersize=4, color="black", alpha=0.5)
    ranks.set_yticks(range(len(rows)), list(reversed(list(rows))))
    ranks.axvline(rows[BASELINE]["frechet"].mean, color=RUN_COLOURS[1], linestyle=":", linewidth=1)
    floor = float(found[BASELINE][0].metrics["frechet_floor"][-1])
    ranks.axvline(floor, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    ranks.set(xscale="log", xlabel="classifier Fréchet distance (dashed: real against real)")
    ranks.set_title("after the last epoch: geometric mean, 95 % interval, each seed", fontsize=10)
    best = [name for name in rows if name != BASELINE][: CURVES - 1]
    for place, name in enumerate([BASELINE, *best]):
        colour = (RUN_COLOURS[1], RUN_COLOURS[0], *RUN_COLOURS[2:])[place % len(RUN_COLOURS)]
        time = costs[name].times * found[name][0].metrics["epoch"]
        frechet = np.array([run.metrics["frechet"] for run in found[name]])
        measured = np.isfinite(frechet).all(axis=0)
        style = RUN_STYLES[place // len(RUN_COLOURS)]
        centre = aggregate_seeds(frechet[:, measured], logarithmic=True)
        curves.plot(time[measured], centre, color=colour, linestyle=style, marker=".", label=name)
    curves.axhline(floor, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    curves.set(xscale="log", yscale="log", xlabel="time, in epochs of part_a", ylabel="Fréchet distance")
    curves.set_title(f"over time: {BASELINE} and the best", fontsize=10)
    curves.legend(frameon=False, fontsize=8)
    for axis in (ranks, curves):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure
