"""Schema of the metrics: each column of metrics.csv that is shown, declared once.

Tables, charts, log lines, the leaderboard and the tests of claims take titles, formats and scales from here. A new
entry is shown in all of them, and with `chart=True` in the charts of comparisons, too; the figure has its chart once
two epochs were measured. Its value is a field of the same name in `training.diagnostics.StepInfo`, in
`evaluation.evaluate.Evaluation` or, for stacked digits, in `evaluation.mode_coverage.Modes`. Users add their own with
`analysis.own_metrics.register_metric`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

Metrics = Mapping[str, np.ndarray]  # the columns of metrics.csv, float64 (epochs,) each; NaN where not measured
GroupedMetrics = Mapping[str, Sequence[Metrics]]  # the metrics of each seed by group, the baseline first


class Metric(NamedTuple):
    """Name, format, scale and best value of a column."""

    title: str  # in tables
    label: str  # in charts and sentences
    format: str = "{:.2f}"
    logarithmic: bool = False  # scale of its axis
    geometric: bool = False  # runs differ by decades: means and intervals are of logarithms
    count: bool = False  # without decimals if all values are whole
    best: float | None = None  # target value; inf: higher is better; None: neither
    maximum: float | None = None  # largest possible value of a metric from 0 on, such as a share: the end of its axis
    table: bool = True  # has a column in tables
    compared: bool = True  # with the baseline, in tables of differences
    chart: bool = False  # has a chart in comparisons
    axis: str = ""  # title of the axis of its values in charts; empty: the label
    measured: bool = True  # on samples, after some epochs; otherwise reported by training after each epoch


def _trained(title: str, label: str, **options: object) -> Metric:
    """Make a metric that training reports after each epoch."""
    return Metric(title, label, measured=False, **options)  # pyright: ignore[reportArgumentType]


METRICS: dict[str, Metric] = {
    "epoch": _trained("epochs", "epoch", format="{:.0f}", compared=False),
    "discriminator_loss": _trained("D loss", "loss of D", format="{:.3g}", chart=True, axis="mean loss of the epoch"),
    "generator_loss": _trained("G loss", "loss of G", format="{:.3g}", chart=True, axis="mean loss of the epoch"),
    "real_probability": _trained("D(x)", "D(x)", maximum=1, table=False, axis="mean of the epoch"),
    "fake_probability": _trained(
        "D(G(z))",
        "D(G(z))",
        format="{:.2g}",
        logarithmic=True,
        geometric=True,
        maximum=1,
        chart=True,
        axis="mean of the epoch",
    ),
    "discriminator_accuracy": _trained("accuracy", "accuracy of D", maximum=1, table=False),
    "discriminator_gradient_norm": _trained(
        "D gradient", "norm of D's gradient", format="{:.2g}", logarithmic=True, geometric=True, table=False
    ),
    "generator_gradient_norm": _trained(
        "G gradient",
        "norm of G's gradient",
        format="{:.2g}",
        logarithmic=True,
        geometric=True,
        chart=True,
        axis="mean norm of the epoch",
    ),
    "frechet": Metric(
        "Fréchet",
        "classifier Fréchet distance",
        "{:.1f}",
        logarithmic=True,
        best=0,
        chart=True,
        axis="distance, lower is better",
    ),
    "frechet_floor": Metric("floor", "real against real", "{:.1f}", compared=False),
    "n": Metric("samples", "samples", "{:.0f}", compared=False),
    "precision": Metric("precision", "precision", "{:.3f}", best=1, maximum=1),
    "recall": Metric("recall", "recall", best=1, maximum=1),
    "density": Metric("density", "density", best=np.inf),
    "coverage": Metric("coverage", "coverage", best=1, maximum=1, chart=True, axis="share of real images"),
    "classifier_score": Metric("score", "classifier score", best=10, table=False),
    "classes_covered": Metric("classes", "classes covered", "{:.1f}", count=True, best=10),
    "kl_to_uniform": Metric("KL", "KL to uniform", "{:.3f}", best=0),
    # Evenly often, as G's classes should be; of MNIST's training images 0.112 are ones.
    "digit_share_1": Metric("share of 1s", "share of ones", best=0.1, maximum=1),  # uniform; MNIST's own share is 0.112
    "nearest_median": Metric("median", "median distance to the nearest training image", table=False),
    "held_out_nearest_median": Metric("test median", "that of test images", table=False),
    "nearest_ratio": Metric("nearest", "ratio of the two"),
    "modes": Metric(
        "modes", "modes of stacked digits", "{:.1f}", count=True, best=1000, chart=True, axis="modes, of 1000"
    ),
    "modes_kl": Metric("KL of modes", "KL of modes to uniform", "{:.3f}", best=0),
    "modes_kl_floor": Metric("KL floor", "that of real images", "{:.3f}", table=False),
    "digits_kl": Metric("KL of digits", "KL from per-digit imbalance", "{:.3f}", best=0, table=False),
    "largest_share": Metric(
        "largest share",
        "largest digit share",
        best=0.1,
        maximum=1,
        table=False,
        chart=True,
        axis="share of the samples",
    ),
}
CURVES = tuple(name for name, metric in METRICS.items() if metric.chart and not metric.measured)
MEASUREMENTS = [name for name, metric in METRICS.items() if metric.chart and metric.measured]  # and the user's own
LINE = 4  # metrics in a log line
DIGITS = 10
DIGIT_SHARES = tuple(f"digit_share_{digit}" for digit in range(DIGITS))


def by_digit(metrics: Metrics, name: str) -> np.ndarray:
    """Return what was measured digit by digit, float64 (epochs, 10); NaN where it was not.

    Args:
        metrics: the columns.
        name: a column of `evaluation.by_digit.measure_by_digit` without the digit, or "digit_share".
    """
    missing = np.full(len(metrics["epoch"]), np.nan)
    return np.stack([metrics.get(f"{name}_{digit}", missing) for digit in range(DIGITS)], axis=1)


def digit_shares(metrics: Metrics) -> np.ndarray:
    """Return each digit's share of the samples, float64 (epochs, 10); NaN where it was not measured."""
    return by_digit(metrics, "digit_share")


def measured_over_epochs(groups: GroupedMetrics) -> list[str]:
    """List the charted measurements that any run has after two epochs or more."""
    return [
        name
        for name in MEASUREMENTS
        if any(name in run and np.isfinite(run[name]).sum() > 1 for runs in groups.values() for run in runs)
    ]


def describe(columns: Mapping[str, float]) -> list[str]:
    """Format the sample metrics that are among the columns of an epoch, four to a line, and the digits' shares."""
    parts = []
    for name, metric in METRICS.items():
        if metric.measured and name in columns and name not in DIGIT_SHARES:
            form = "{:.0f}" if metric.count and float(columns[name]).is_integer() else metric.format
            parts.append(f"{metric.label} {form.format(columns[name])}")
    lines = [", ".join(parts[start : start + LINE]) for start in range(0, len(parts), LINE)]
    if all(name in columns for name in DIGIT_SHARES):
        lines.append("shares of 0-9: " + " ".join(f"{columns[name]:.2f}" for name in DIGIT_SHARES))
    elif "modes" not in columns:
        lines.append("no classifier fits this data set: the metrics that need one are left out")
    return lines
