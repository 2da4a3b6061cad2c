"""Tables and figures of the benchmark studies."""

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
from experiments.harness import tables
from gan_jax.plotting.style import RUN_COLORS

BASELINE = "torch eager float32"  # where PyTorch has no eager case of the same precision
HEADING = ("case", "ms per iteration", "images/s", "share of the roofline", "times torch eager", "compile s", "peak MB")


def rows(study: Study, timings: Mapping[str, Timing]) -> list[dict[str, Any]]:
    """Tabulate a study's measurements, a row for each case; NaN where a value has no meaning."""
    return [_row(study, timings, label, timing) for label, timing in timings.items()]


def _row(study: Study, timings: Mapping[str, Timing], label: str, timing: Timing) -> dict[str, Any]:
    case = timing.case
    roofline = timings.get(f"matmul roofline {case.precision}")
    value = label.removeprefix(label.split(",")[0])  # ", 64" where a quantity is varied
    baseline = timings.get(f"torch eager {case.precision}{value}") or timings.get(f"{BASELINE}{value}")
    return {
        "study": study.name,
        "case": label,
        "milliseconds": 1e3 * timing.median,
        "least": 1e3 * min(timing.seconds),
        "most": 1e3 * max(timing.seconds),
        "images_per_second": timing.images_per_second if case.framework != "matmul" else math.nan,
        # Medians of ratios within a repeat, since both cases then ran under the same load.
        "share_of_roofline": _ratio(roofline, timing) if roofline else math.nan,
        "times_torch_eager": _ratio(baseline, timing) if baseline else math.nan,
        "gflop_per_second": case.flops / timing.median / 1e9,
        "compile_seconds": timing.compile_seconds,
        "peak_megabytes": timing.peak_bytes / 1e6,
        "peak_device_megabytes": math.nan if timing.peak_device_bytes is None else timing.peak_device_bytes / 1e6,
    }


def _ratio(one: Timing, other: Timing) -> float:
    """Divide `one`'s time per image by `other`'s; an iteration of several seeds trains on as many batches."""
    return float(np.median(np.array(one.seconds) / np.array(other.seconds))) * other.case.images / one.case.images


def as_markdown(found: list[dict[str, Any]]) -> str:
    """Write the table in Markdown."""
    lines = [
        (
            row["case"],
            f"{row['milliseconds']:.1f} ({row['least']:.1f} to {row['most']:.1f})",
            _number(row["images_per_second"], "{:.0f}"),
            _number(row["share_of_roofline"], "{:.2f}"),
            _number(row["times_torch_eager"], "{:.2f}"),
            f"{row['compile_seconds']:.1f}",
            f"{row['peak_megabytes']:.0f}",
        )
        for row in found
    ]
    return tables.as_markdown(HEADING, lines)


def as_csv(found: list[dict[str, Any]]) -> str:
    """Write the table as CSV in full precision; a cell is empty where a value has no meaning."""
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
    """Fit a straight line to the seconds per iteration, against its steps of D.

    Returns:
        Slope and intercept in seconds, and the ratio of the slope to the one that the operations predict, which is
        D's share of the operations at one step times the line's value there.
    """
    medians = [timing.median for timing in timings]
    steps = [timing.case.discriminator_steps for timing in timings]
    # Weighted by 1/time, since the noise of a time is proportional to it.
    slope, intercept = np.polyfit(steps, medians, 1, w=1 / np.array(medians))
    one, two = (replace(timings[0].case, discriminator_steps=k).flops for k in (1, 2))
    return float(slope), float(intercept), float(slope / ((slope + intercept) * (two - one) / one))


def draw(study: Study, timings: Mapping[str, Timing]) -> Figure:
    """Draw bars for a comparison of frameworks, else lines against the quantity that is varied."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    if study.quantity is None:
        labels = list(timings)[::-1]
        medians, low, high = _bars([timings[label] for label in labels])
        colors = ["#999999" if timings[label].case.framework == "matmul" else
                   RUN_COLORS[0 if timings[label].case.framework == "jax" else 1] for label in labels]  # fmt: skip
        bars = axis.barh(labels, medians, xerr=[low, high], color=colors, capsize=3)
        axis.bar_label(bars, labels=[f"{value:.0f}" for value in medians], padding=6)
        axis.set(xlabel="ms per iteration: median, minimum and maximum", xmargin=0.1)
    else:
        for name, color in zip(dict.fromkeys(label.split(",")[0] for label in timings), RUN_COLORS, strict=False):
            some = [timing for label, timing in timings.items() if label.startswith(f"{name},")]
            medians, low, high = _bars(some)
            values = [getattr(timing.case, study.quantity) for timing in some]
            axis.errorbar(values, medians, yerr=[low, high], fmt="o-", color=color, label=name, capsize=3)
            # The time if it were proportional to the operations.
            flops = np.array([timing.case.flops for timing in some])
            axis.plot(values, medians[0] * flops / flops[0], color=color, linestyle=":", linewidth=1)
        axis.plot([], [], color="#777777", linestyle=":", label="proportional to operations")
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(values, [str(value) for value in values])
        axis.set(xlabel=study.quantity.replace("_", " "), ylabel="ms per iteration")
        axis.grid(alpha=0.25)
        axis.legend(frameon=False)
    axis.set_title(study.title)
    return figure


def _bars(timings: list[Timing]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the medians, and how far the minima lie below and the maxima above them, in milliseconds."""
    medians = 1e3 * np.array([timing.median for timing in timings])
    low = medians - 1e3 * np.array([min(timing.seconds) for timing in timings])
    high = 1e3 * np.array([max(timing.seconds) for timing in timings]) - medians
    return medians, low, high
