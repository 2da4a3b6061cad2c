"""Tables and figures of the bench's studies."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.bench.studies import Study
from experiments.bench.timing import Timing
from gan_jax.plotting.panels import RUN_COLOURS

BASELINE = "torch eager float32"  # of precisions that torch has no eager arm of its own in
HEADING = ("ms an iteration", "images/s", "share of the floor", "times torch eager", "compile s", "peak MB")


def rows(study: Study, timings: Mapping[str, Timing]) -> list[dict[str, Any]]:
    """A study's measurements, an arm a row; NaN where a value has no meaning."""
    return [_row(study, timings, label, timing) for label, timing in timings.items()]


def _row(study: Study, timings: Mapping[str, Timing], label: str, timing: Timing) -> dict[str, Any]:
    arm = timing.arm
    floor = timings.get(f"floor {arm.precision}")
    value = label.removeprefix(label.split(",")[0])  # ", 64" where a quantity is varied
    baseline = timings.get(f"torch eager {arm.precision}{value}") or timings.get(f"{BASELINE}{value}")
    return {
        "study": study.name,
        "arm": label,
        "milliseconds": 1e3 * timing.median,
        "least": 1e3 * min(timing.seconds),
        "most": 1e3 * max(timing.seconds),
        "images_per_second": timing.images_per_second if arm.framework != "products" else math.nan,
        # Ratios of the same repeat, which met the same load, and their median.
        "share_of_floor": _ratio(floor, timing) if floor else math.nan,
        "times_torch_eager": _ratio(baseline, timing) if baseline else math.nan,
        "gflop_per_second": arm.flops / timing.median / 1e9,
        "compile_seconds": timing.compile_seconds,
        "peak_megabytes": timing.peak_bytes / 1e6,
        "peak_device_megabytes": math.nan if timing.peak_device_bytes is None else timing.peak_device_bytes / 1e6,
    }


def _ratio(one: Timing, other: Timing) -> float:
    """Divide `one`'s time for an image by `other`'s; several seeds train on as many batches at once."""
    return float(np.median(np.array(one.seconds) / np.array(other.seconds))) * other.arm.images / one.arm.images


def as_markdown(found: list[dict[str, Any]]) -> str:
    """The table for people."""
    lines = [("arm", *HEADING), ("---",) * (1 + len(HEADING))]
    lines += [
        (
            row["arm"],
            f"{row['milliseconds']:.1f} ({row['least']:.1f} to {row['most']:.1f})",
            _number(row["images_per_second"], "{:.0f}"),
            _number(row["share_of_floor"], "{:.2f}"),
            _number(row["times_torch_eager"], "{:.2f}"),
            f"{row['compile_seconds']:.1f}",
            f"{row['peak_megabytes']:.0f}",
        )
        for row in found
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def as_text(markdown: str) -> str:
    """A table for a terminal."""
    cells = [line.strip("| \n").split(" | ") for line in markdown.splitlines()]
    del cells[1]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def as_csv(found: list[dict[str, Any]]) -> str:
    """The table for programs, in full precision; empty where a value has no meaning."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    for row in found:
        writer.writerow({name: "" if isinstance(value, float) and math.isnan(value) else value
                         for name, value in row.items()})  # fmt: skip
    return text.getvalue()


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else form.format(value)


def line_of(timings: list[Timing]) -> tuple[float, float, float]:
    """The straight line of an iteration's seconds against its steps of D.

    Returns:
        Slope and intercept in seconds, and the slope over the one that the operations predict: D's share of them,
        taken of the line's value at one step.
    """
    medians = [timing.median for timing in timings]
    steps = [timing.arm.discriminator_steps for timing in timings]
    # Weighted by 1/time: what is noisy in a time is a share of it.
    slope, intercept = np.polyfit(steps, medians, 1, w=1 / np.array(medians))
    one, two = (replace(timings[0].arm, discriminator_steps=k).flops for k in (1, 2))
    return float(slope), float(intercept), float(slope / ((slope + intercept) * (two - one) / one))


def draw(study: Study, timings: Mapping[str, Timing]) -> Figure:
    """Bars where frameworks are compared, else lines against what is varied."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    if study.quantity is None:
        labels = list(timings)[::-1]
        medians, low, high = _bars([timings[label] for label in labels])
        colours = ["#999999" if timings[label].arm.framework == "products" else
                   RUN_COLOURS[0 if timings[label].arm.framework == "jax" else 1] for label in labels]  # fmt: skip
        bars = axis.barh(labels, medians, xerr=[low, high], color=colours, capsize=3)
        axis.bar_label(bars, labels=[f"{value:.0f}" for value in medians], padding=6)
        axis.set(xlabel="ms an iteration: median, least and most", xmargin=0.1)
    else:
        for name, colour in zip(dict.fromkeys(label.split(",")[0] for label in timings), RUN_COLOURS, strict=False):
            some = [timing for label, timing in timings.items() if label.startswith(f"{name},")]
            medians, low, high = _bars(some)
            values = [getattr(timing.arm, study.quantity) for timing in some]
            axis.errorbar(values, medians, yerr=[low, high], fmt="o-", color=colour, label=name, capsize=3)
            # What time would be if it went with the operations.
            flops = np.array([timing.arm.flops for timing in some])
            axis.plot(values, medians[0] * flops / flops[0], color=colour, linestyle=":", linewidth=1)
        axis.plot([], [], color="#777777", linestyle=":", label="as the operations")
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(values, [str(value) for value in values])
        axis.set(xlabel=study.quantity.replace("_", " "), ylabel="ms an iteration")
        axis.grid(alpha=0.25)
        axis.legend(frameon=False)
    axis.set_title(study.title)
    return figure


def _bars(timings: list[Timing]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Medians, and how far below and above them the least and the most are, in milliseconds."""
    medians = 1e3 * np.array([timing.median for timing in timings])
    low = medians - 1e3 * np.array([min(timing.seconds) for timing in timings])
    high = 1e3 * np.array([max(timing.seconds) for timing in timings]) - medians
    return medians, low, high
