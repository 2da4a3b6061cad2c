"""./run.sh improvements: each change of part_a trained with several seeds, and what came out, the best first."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.bench.variants import Cost, measure
from experiments.changes import CHANGES
from experiments.comparing import read_run
from experiments.options import HOSTS, RunOptions, configure, habits_of, refuse, source_of
from gan_jax import runs
from gan_jax.compare import Run
from gan_jax.config import require
from gan_jax.errors import DivergedError, UserError
from gan_jax.files import read_regular, save_figure, write_json, write_text
from gan_jax.intervals import Interval, difference, interval
from gan_jax.keeping import Listener
from gan_jax.manifest import provenance
from gan_jax.panels import EQUILIBRIUM, RUN_COLOURS, RUN_STYLES, middle
from gan_jax.run_folder import RunFolder

EVERY = 10  # epochs between measurements
BASELINE = "part_a"
COSTS = "costs.json"
MAX_BYTES = 10**6  # of that file
REPEATS = 5  # of a step's timing
COLUMNS = {  # of metrics.csv: a title and a form
    "frechet": ("Fréchet", "{:.1f}"),
    "density": ("density", "{:.2f}"),
    "coverage": ("coverage", "{:.2f}"),
    "classes_covered": ("classes", "{:.1f}"),
    "kl_to_uniform": ("KL", "{:.3f}"),
    "nearest_ratio": ("nearest", "{:.2f}"),
}
CURVES = 8  # in the figure: the best, and part_a


def improvements(options: RunOptions, only: Sequence[str], listener: Listener) -> None:
    """Train, or go on with, every change and seed in `options.out`/improvements, and write what came out.

    Table and figure are written anew after each change, so that a study that is stopped leaves those it has.

    Raises:
        UserError: if a change is unknown, no classifier fits the data, or the folder cannot be used.
    """
    refuse(options, "improvements", "name", "devices", *HOSTS)  # each change has a name of its own, and one device
    for name in only:
        require(name in CHANGES, f"unknown change {name!r}: choose from {', '.join(CHANGES)}")
    names = [name for name in CHANGES if not only or name in (*only, BASELINE)]
    options = replace(options, out=options.out / "improvements", evaluate_every=options.evaluate_every or EVERY)
    source, habits = source_of(options), habits_of(options)
    require(source.classifier_sha256 is not None, "improvements compares by a --classifier of these data: give one")
    found: dict[str, list[Run]] = {}
    costs = _read_costs(options.out / COSTS)
    diverged: dict[str, str] = {}
    for name in names:
        epochs = 100 if options.epochs is None else options.epochs
        configs = configure(CHANGES[name].config(name, epochs), options)
        together = len(configs) > 1 and jax.default_backend() != "cpu"
        try:
            runs.train(configs, source, options.out, habits, listener, together=together)
        except DivergedError as error:
            diverged[name] = str(error)
        whole = [config for config in configs if _is_finished(options.out / config.name, config.epochs)]
        if whole:
            found[name] = [read_run(options.out / config.name) for config in whole]
        try:
            if whole and name not in costs:
                costs |= _cost(name, found, source.dataset.train_images)
                record = {name: cost._asdict() for name, cost in costs.items()}
                write_json(options.out / COSTS, {"provenance": provenance(), "changes": record})
            write(found, costs, diverged, options.out, listener.say)
        except OSError as error:
            raise UserError(f"cannot write to {options.out}: {error.strerror or error}") from error


def _is_finished(folder: Path, epochs: int) -> bool:
    return RunFolder(folder).read_manifest().get("epochs") == epochs


def _cost(name: str, found: Mapping[str, Sequence[Run]], images: np.ndarray) -> dict[str, Cost]:
    """What a step of a change costs, beside one of part_a in the same minute: runs may be of days with other loads."""
    settings = {each: found[each][0].config.setting for each in (BASELINE, name)}
    costs = measure(settings, images, REPEATS, lambda _: None)
    return {name: costs[name]}


def _read_costs(path: Path) -> dict[str, Cost]:
    """Those that an earlier start has measured, if it has and they can be read."""
    try:
        stored = json.loads(read_regular(path, MAX_BYTES))["changes"]
        costs = {name: Cost([float(value) for value in cost["seconds"]], float(cost["times"]))
                 for name, cost in stored.items()}  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {name: cost for name, cost in costs.items() if cost.seconds and min(cost.times, *cost.seconds) > 0}


def write(
    found: Mapping[str, Sequence[Run]],
    costs: Mapping[str, Cost],
    diverged: Mapping[str, str],
    out: Path,
    say: Callable[[str], None],
) -> None:
    """Write improvements.md, .json and .png of these runs by change, part_a among them, and tell the table."""
    if BASELINE not in found:
        return
    rows = leaderboard(found, costs)
    text = as_markdown(rows, found, diverged)
    write_text(out / "improvements.md", text)
    record = {name: {column: value._asdict() for column, value in row.items()} for name, row in rows.items()}
    write_json(
        out / "improvements.json",
        {"provenance": provenance(), "changes": _without_nan(record), "diverged": dict(diverged)},
    )
    save_figure(out / "improvements.png", draw(rows, found, costs))
    say(text)


def _without_nan(value: object) -> object:
    """JSON knows no NaN: null in its place."""
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def leaderboard(found: Mapping[str, Sequence[Run]], costs: Mapping[str, Cost]) -> dict[str, dict[str, Interval]]:
    """Of each change, the one with the least Fréchet distance first, its measurements after the last epoch.

    "difference" is that of the Fréchet distance from part_a's, "at_equal_time" the distance at the last measurement in
    the time that part_a takes, and "cost" a step's time in part_a's.
    """
    theirs = [float(run.metrics["frechet"][-1]) for run in found[BASELINE]]
    rows = {}
    for name, members in found.items():
        row = {column: interval([float(run.metrics[column][-1]) for run in members]) for column in COLUMNS}
        row["difference"] = difference([float(run.metrics["frechet"][-1]) for run in members], theirs)
        row["at_equal_time"] = interval([at(run, len(run.metrics["epoch"]) / costs[name].times) for run in members])
        row["cost"] = interval([costs[name].times])
        rows[name] = row
    return dict(sorted(rows.items(), key=lambda item: item[1]["frechet"].mean))


def at(run: Run, epochs: float) -> float:
    """The Fréchet distance at the last measurement within so many epochs; NaN if there was none."""
    # To the nearest one: costs of programs that are alike differ by the machine's noise.
    within = np.isfinite(run.metrics["frechet"]) & (run.metrics["epoch"] <= epochs + 0.5)
    return float(run.metrics["frechet"][within][-1]) if within.any() else math.nan


def as_markdown(
    rows: Mapping[str, Mapping[str, Interval]], found: Mapping[str, Sequence[Run]], diverged: Mapping[str, str]
) -> str:
    """The leaderboard for a README; a ± is a 95 % interval over the seeds by Student's t."""
    titles = [title for title, _ in COLUMNS.values()]
    heading = [
        "change",
        "seeds",
        *titles,
        "Fréchet less part_a's",
        "Fréchet in part_a's time",
        "a step's time in part_a's",
        "what",
    ]
    lines = ["| " + " | ".join(heading) + " |", "| " + " | ".join(["---"] * len(heading)) + " |"]
    for name, row in rows.items():
        cells = [_cell(row[column], form) for column, (_, form) in COLUMNS.items()]
        apart = "-" if name == BASELINE else _cell(row["difference"], "{:+.1f}")
        cells += [apart, _cell(row["at_equal_time"], "{:.1f}"), _cell(row["cost"], "{:.2f}"), CHANGES[name].what]
        lines.append("| " + " | ".join([f"`{name}`", str(len(found[name])), *cells]) + " |")
    lines += [f"\n`{name}` diverged: {reason}" for name, reason in diverged.items()]
    return "\n".join(lines) + "\n"


def _cell(value: Interval, form: str) -> str:
    if math.isnan(value.mean):
        return "-"
    spread = "" if math.isnan(value.spread) else f" ± {form.replace('+', '').format(value.spread)}"
    return form.format(value.mean) + spread


def draw(
    rows: Mapping[str, Mapping[str, Interval]], found: Mapping[str, Sequence[Run]], costs: Mapping[str, Cost]
) -> Figure:
    """The Fréchet distances of all changes after the last epoch, and of the best of them over the time trained."""
    figure = Figure(figsize=(12, 1.2 + 0.3 * max(len(rows), 10)), layout="constrained")
    ranks, curves = figure.subplots(1, 2, width_ratios=[1.1, 1])
    for place, (name, row) in enumerate(reversed(list(rows.items()))):
        colour = RUN_COLOURS[1] if name == BASELINE else RUN_COLOURS[0]
        value = row["frechet"]
        spread = 0 if math.isnan(value.spread) else min(value.spread, 0.999 * value.mean)  # a log axis has no 0
        ranks.errorbar(value.mean, place, xerr=spread, color=colour, marker="o", markersize=5, capsize=3)
        values = [float(run.metrics["frechet"][-1]) for run in found[name]]
        ranks.plot(values, [place] * len(values), linestyle="", marker="|", color=colour, alpha=0.6)
    ranks.set_yticks(range(len(rows)), list(reversed(list(rows))))
    ranks.axvline(rows[BASELINE]["frechet"].mean, color=RUN_COLOURS[1], linestyle=":", linewidth=1)
    floor = float(found[BASELINE][0].metrics["frechet_floor"][-1])
    ranks.axvline(floor, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    ranks.set(xscale="log", xlabel="classifier Fréchet distance (dashed: real against real)")
    ranks.set_title("after the last epoch: mean, 95 % interval, each seed", fontsize=10)
    best = [name for name in rows if name != BASELINE][: CURVES - 1]
    for place, name in enumerate([BASELINE, *best]):
        colour = (RUN_COLOURS[1], RUN_COLOURS[0], *RUN_COLOURS[2:])[place % len(RUN_COLOURS)]
        time = costs[name].times * found[name][0].metrics["epoch"]
        frechet = np.array([run.metrics["frechet"] for run in found[name]])
        measured = np.isfinite(frechet).all(axis=0)
        style = RUN_STYLES[place // len(RUN_COLOURS)]
        centre = middle(frechet[:, measured], logarithmic=True)
        curves.plot(time[measured], centre, color=colour, linestyle=style, marker=".", label=name)
    curves.axhline(floor, color=EQUILIBRIUM, linestyle="--", linewidth=1)
    curves.set(xscale="log", yscale="log", xlabel="time, in epochs of part_a", ylabel="Fréchet distance")
    curves.set_title(f"over time: {BASELINE} and the best", fontsize=10)
    curves.legend(frameon=False, fontsize=8)
    for axis in (ranks, curves):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure
