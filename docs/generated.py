"""Parts of pages that are made from the code when the site is built, so that nothing is declared twice.

A page has a line `<!-- generated: NAME -->` in their place.
"""

import re
from collections.abc import Callable

from experiments.cli import app
from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.analysis.metrics import METRICS, Metric
from gan_jax.losses.adversarial import LOSSES
from gan_jax.losses.gradient_penalty import PENALTIES

MARKER = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill_in(text: str) -> str:
    """Replace each marker of a page by its part. Raises KeyError for an unknown one."""
    return MARKER.sub(lambda found: GENERATED[found[1]](), text)


def _terms() -> str:
    entries = "\n\n".join(f"{term}\n  {text}" for term, text in TERMS.items())
    return f"```{{glossary}}\n{entries}\n```"


def _trained_metrics() -> str:
    return _metrics(measured=False)


def _sample_metrics() -> str:
    return _metrics(measured=True)


def _metrics(measured: bool) -> str:
    """List the metrics that samples give, or that training reports, each with its meaning."""
    entries = [
        f"`{name}`, in tables *{metric.title}*\n: {MEANINGS[name]}{_best(metric)}"
        for name, metric in METRICS.items()
        if metric.measured == measured
    ]
    return "\n\n".join(entries)


def _best(metric: Metric) -> str:
    """Say which value is best, where one is."""
    if metric.best is None:
        return ""
    return f" Best: {'higher' if metric.best == float('inf') else f'{metric.best:g}'}."


def _commands() -> str:
    """Make a section for each command: its usage, its help and its options, which the parts share."""
    text = app.generate_docs(output_format="markdown", heading_level=1, usage_name="./run.sh")
    _, *found = re.split(r"^## \./run\.sh (\w+)$", text, flags=re.MULTILINE)
    sections = dict(zip(found[::2], found[1::2], strict=True))
    shared = _options(sections["part_a"])
    parts = []
    for name, section in sections.items():
        usage = section.replace(f"./run.sh {name} {name} ", f"./run.sh {name} ")  # where cyclopts has the name twice
        if name != "part_a" and _options(section) == shared:
            usage = usage.replace(shared, "Options: those of [part_a](#part-a).")
        parts.append(f"## {name}\n\n{usage.strip()}")
    return "\n\n".join(parts)


def _options(section: str) -> str:
    return section[section.index("**Parameters**") :].strip() if "**Parameters**" in section else ""


def _losses() -> str:
    return ", ".join(f"`{name}`" for name in LOSSES)


def _penalties() -> str:
    return ", ".join(f"`{name}`" for name in PENALTIES)


GENERATED: dict[str, Callable[[], str]] = {
    "terms": _terms,
    "trained_metrics": _trained_metrics,
    "sample_metrics": _sample_metrics,
    "commands": _commands,
    "losses": _losses,
    "penalties": _penalties,
}
