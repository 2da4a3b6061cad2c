"""Tables that compare groups of runs: values with intervals, differences from the first group, and footnotes."""

import math
from collections.abc import Mapping, Sequence

from scipy.special import entr

from gan_jax.analysis.formats import TIMES, format_interval, shows_both
from gan_jax.analysis.intervals import Interval, difference, interval
from gan_jax.analysis.metrics import METRICS, Metric
from gan_jax.analysis.run_groups import Groups, LoadedRun
from gan_jax.losses.adversarial import LOSSES, discriminator_cross_entropy

NO_DIFFERENCE = Interval(math.nan, math.nan, 0)


def _columns() -> dict[str, Metric]:
    """Return the metrics that tables have, in order."""
    return {name: metric for name, metric in METRICS.items() if metric.table}


def table(groups: Groups) -> list[dict[str, Interval]]:
    """Compute the last epoch's values of each group by metric, over the runs that have it."""
    return [
        {
            name: interval(values, metric.geometric)
            for name, metric in _columns().items()
            if (values := _last(runs, name))
        }
        for runs in groups.values()
    ]


def differences(groups: Groups) -> list[dict[str, Interval]]:
    """Compute each group's differences from the first group, by metric; NaN where the two cannot be compared."""
    (first, baseline), *others = groups.items()
    found = []
    for group, runs in others:
        apart = non_comparable({first: baseline, group: runs})
        found.append(
            {
                name: NO_DIFFERENCE if name in apart else difference(values, theirs, metric.geometric)
                for name, metric in _columns().items()
                if metric.compared and (values := _last(runs, name)) and (theirs := _last(baseline, name))
            }
        )
    return found


def _last(runs: Sequence[LoadedRun], name: str) -> list[float]:
    """Return the last epoch's value of each run that has the metric; NaN if it was not measured then."""
    return [float(run.metrics[name][-1]) for run in runs if name in run.metrics]


def as_cells(groups: Groups) -> list[list[list[str]]]:
    """Make the rows of the table of groups and, if any difference has an interval, of that of differences."""
    rows, changes = table(groups), differences(groups)
    columns = columns_of(rows)
    cells = [
        [group, str(len(runs)), *(_cell(row.get(name), metric, len(runs)) for name, metric in columns.items())]
        for (group, runs), row in zip(groups.items(), rows, strict=True)
    ]
    tables = [[["run", "seeds", *(metric.title for metric in columns.values())], *cells]]
    if _have_intervals(changes):
        baseline, *others = groups
        columns = columns_of(changes)
        cells = [
            [
                group,
                *(_change(row.get(name), metric, own.get(name), rows[0].get(name)) for name, metric in columns.items()),
            ]
            for group, row, own in zip(others, changes, rows[1:], strict=True)
        ]
        tables.append([[f"difference from {baseline}", *(metric.title for metric in columns.values())], *cells])
    return tables


def _have_intervals(changes: Sequence[Mapping[str, Interval]]) -> bool:
    """Return whether any difference has an interval; without one they say too little for a table."""
    return any(not math.isnan(change.spread) for row in changes for change in row.values())


def columns_of(rows: Sequence[Mapping[str, Interval]]) -> dict[str, Metric]:
    """Choose the metrics that any row has, each in a format that suits all rows."""
    found = {name: metric for name, metric in _columns().items() if any(name in row for row in rows)}
    for name, metric in found.items():
        if metric.count and _are_whole([row.get(name) for row in rows]):
            found[name] = metric._replace(format="{:.0f}")
    return found


def _are_whole(values: Sequence[Interval | None]) -> bool:
    known = [number for value in values if value is not None for number in (value.mean, value.spread)]
    return all(math.isnan(number) or float(number).is_integer() for number in known)


def _cell(value: Interval | None, metric: Metric, runs: int) -> str:
    """Format a mean, with the number of runs that it is over if some of them lack the metric."""
    if value is None or math.isnan(value.mean):
        return "-"
    zeros = f", zeros: {value.zeros} of {runs}" if value.zeros and runs > 1 else ""
    counted = value.n + value.zeros
    whole = metric.count and shows_both(value) and all(each.is_integer() for each in value.values)
    return (
        format_interval(value, "{:.0f}" if whole else metric.format)
        + zeros
        + (f" (n = {counted})" if counted < runs else "")
    )


def _change(value: Interval | None, metric: Metric, own: Interval | None, baseline: Interval | None) -> str:
    """Format a difference or a ratio; where the group's mean is given as two values, the difference of each."""
    if value is None or value.n + value.zeros == 0:
        return "-"
    if value.zeros:
        return "zeros"
    if value.n == 1:
        return "n = 1"
    form = TIMES + metric.format if metric.geometric else metric.format.replace(":", ":+")
    if own is not None and baseline is not None and shows_both(own) and not shows_both(baseline):
        changes = [each / baseline.mean if metric.geometric else each - baseline.mean for each in own.values]
        return format_interval(own._replace(values=tuple(changes)), form)
    return format_interval(value, form)


def non_comparable(groups: Groups) -> dict[str, str]:
    """Explain, by column, which metrics of the groups cannot be compared: losses, and D's output."""
    hparams = {name: runs[0].config.hparams for name, runs in groups.items()}
    functions = "the runs minimize different functions"
    found = {}
    objectives = {(LOSSES[each.loss].discriminator, *each.targets[:2]) for each in hparams.values()}
    if len(objectives) > 1 and {loss for loss, *_ in objectives} == {discriminator_cross_entropy}:
        least = ", ".join(
            f"{binary_entropy(each.real_target) + binary_entropy(each.fake_target):.2g} in {name}"
            for name, each in hparams.items()
        )
        found["discriminator_loss"] = f"its minimum is the entropy of D's targets, in nats: {least}"
    elif len(objectives) > 1:
        found["discriminator_loss"] = functions
    if len({(each.loss, each.generator_target) for each in hparams.values()}) > 1:
        found["generator_loss"] = functions
    if shift_invariant := [name for name, each in hparams.items() if LOSSES[each.loss].shift_invariant]:
        found["fake_probability"] = f"D's logit is defined only up to a constant in {', '.join(shift_invariant)}"
    return found


def footnotes(groups: Groups, with_differences: bool = True) -> list[str]:
    """Explain how to read the tables, one line for each point.

    Args:
        groups: the groups in the tables.
        with_differences: whether the table of differences is shown, if there is one.
    """
    notes = []
    if any(len(runs) > 1 for runs in groups.values()):
        logarithmic = " and ".join(metric.title for metric in _columns().values() if metric.geometric)
        notes.append("mean ± half width of the 95 % interval (Student's t over the seeds; every run is counted)")
        notes.append(
            f"{logarithmic}: geometric mean {TIMES}/÷ factor of the 95 % interval (t on logarithms; zeros apart)"
        )
        if any(shows_both(value) for row in table(groups) for value in row.values()):
            notes.append("two values: those of two seeds, whose interval would be wider than their mean")
        if with_differences and _have_intervals(differences(groups)):
            notes.append(
                f"differences from {next(iter(groups))}, of {logarithmic} ratios: 95 % intervals by Welch's t "
                "(unequal variances, seeds not paired)"
            )
    if any(len(runs) == 1 for runs in groups.values()):
        notes.append("n = 1, a single run: no interval, nor one of a difference")
    notes += [f"{METRICS[name].title}: not comparable, {why}" for name, why in non_comparable(groups).items()]
    return notes


def binary_entropy(target: float) -> float:
    """Compute the binary entropy in nats: the minimum of the cross-entropy for this target."""
    return float(entr(target) + entr(1 - target))
