"""Table of the user's own metrics: each is measured, recorded, tabulated, charted and explained like the others."""

import re
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from gan_jax.analysis.glossary import MEANINGS
from gan_jax.analysis.metrics import DIGIT_SHARES, MEASUREMENTS, METRICS, Metric
from gan_jax.errors import require
from gan_jax.utils.text import unknown

OWN_METRICS: dict[str, Callable[..., float]] = {}  # functions of samples by column; `register_metric` adds to it
# Columns of metrics.csv of the library, besides those that begin with "digit_" or "raw_".
BUILT_IN = frozenset(
    {*METRICS, *DIGIT_SHARES, "discriminator_steps", "seconds", "nearest_mean", "held_out_nearest_mean"}
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)


def register_metric(
    name: str,
    function: Callable[..., float],
    *,
    meaning: str,
    title: str | None = None,
    label: str | None = None,
    format: str = "{:.3g}",
    best: float | None = None,
    logarithmic: bool = False,
    chart: bool = True,
    replace: bool = False,
    **declaration: Any,
) -> None:
    """Add a metric of one's own: it is measured at each evaluation, after `evaluate_every` epochs and after the last.

    It becomes a column of metrics.csv, of tables and of the page, with a chart and its meaning. Runs of stacked digits
    do not have it. A name belongs to one function: the same one may be registered again, as when a cell of a notebook
    is run again, but another one is refused unless `replace` is set. Runs that have the column are not changed.

    Args:
        name: name of the column, of lower-case letters, digits and "_".
        function: maps samples, NumPy float32 (n, 784) in [-1, 1], read-only, to a finite number.
        meaning: plain explanation in a sentence or two, for readers of the page.
        title: heading in tables; None for the name.
        label: name in charts and sentences; None for the title.
        format: format of a value.
        best: best value; infinity if higher is better; None if neither.
        logarithmic: True for a logarithmic axis.
        chart: True to have a chart in comparisons.
        replace: True to put the function in the place of another one of this name.
        declaration: further fields of `gan_jax.analysis.metrics.Metric`.

    Raises:
        UserError: if the name is a column of the library's, is that of another function, or cannot be a column.

    >>> import gan_jax
    >>> gan_jax.register_metric("ink", lambda samples: (samples.mean() + 1) / 2, best=0.13,
    ...                         meaning="Mean brightness of the pixels, from 0 to 1: MNIST's is 0.13.")
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> 0 < gan_jax.evaluate(gan_jax.sample(count=100), few).own["ink"] < 0.5
    True
    """
    valid = isinstance(name, str) and _NAME.fullmatch(name) is not None
    require(valid, f"a metric's name has lower-case letters, digits and '_', not {name!r}")
    taken = name in BUILT_IN or name.startswith(("digit_", "raw_"))
    require(not taken, f"the metric {name!r} is one of the library's: choose another name")
    require(callable(function), f"the metric {name!r} needs a function of samples, not {type(function).__name__}")
    same = replace or name not in OWN_METRICS or _are_same(function, OWN_METRICS[name])
    message = f"another metric is registered as {name!r}{_place(OWN_METRICS.get(name))}: rename one of the two"
    require(same, f"{message}, or replace it with register_metric(..., replace=True)")
    for each in declaration:
        require(each in Metric._fields, unknown("field of a metric", each, Metric._fields))
    require(bool(meaning.strip()), f"the metric {name!r} needs a meaning in plain words")
    title = name.replace("_", " ") if title is None else title
    METRICS[name] = Metric(
        title,
        title if label is None else label,
        format,
        best=best,
        logarithmic=logarithmic,
        chart=chart,
        **declaration,
    )
    MEANINGS[name], OWN_METRICS[name] = meaning, function
    if name in MEASUREMENTS:
        MEASUREMENTS.remove(name)
    if chart:
        MEASUREMENTS.append(name)


def _are_same(function: Callable[..., float], other: Callable[..., float]) -> bool:
    """Return whether two functions are one, or one definition that was executed twice in the same place."""
    if function is other:
        return True
    if not (isinstance(function, FunctionType) and isinstance(other, FunctionType)):
        return False
    # Functions made by one function differ in their defaults and enclosed variables, which cannot always be compared.
    bound = [each.__defaults__ or each.__kwdefaults__ or each.__closure__ for each in (function, other)]
    return function.__code__ == other.__code__ and function.__globals__ is other.__globals__ and not any(bound)


def _place(function: Callable[..., float] | None) -> str:
    """Return the file that defines a function, for a message; nothing if it is in no file."""
    file = Path(function.__code__.co_filename) if isinstance(function, FunctionType) else None
    return f", in {file}" if file is not None and file.is_file() else ""
