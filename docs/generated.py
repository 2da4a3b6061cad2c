"""Parts of pages that are made from the code when the site is built, so that nothing is declared twice.

A page has a line `<!-- generated: NAME -->` in their place.
"""

import re
from collections.abc import Callable

from experiments.cli import app
from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.analysis.metrics import METRICS, Metric
from gan_jax.config import Hyperparameters, Spec, specs

DEFAULTS = Hyperparameters()
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
        if name != "part_a" and _options(section) == shared:
            section = section.replace(shared, "Options: those of [part_a](#part_a).")
        # Where a command has a usage of its own, cyclopts has the name twice; under `python -m` it adds the module.
        section = re.sub(rf"(\./run\.sh {name})(?: -m \w+| {name})+(?= )", r"\1", section)
        section = re.sub(r"(?<=[ (])(--[a-z-]+)", r"`\1`", section)  # options in sentences
        parts.append(f"## {name}\n\n{section.strip().replace('**Parameters**', '**Options**')}")
    return "\n\n".join(parts)


def _options(section: str) -> str:
    return section[section.index("**Parameters**") :].strip() if "**Parameters**" in section else ""


def _hyperparameters() -> str:
    """Make the table of the fields of Hyperparameters, with what each may be."""
    rows = [
        f"| `{name}` | {_cell(spec.help)} | {_range(spec)} | {getattr(DEFAULTS, name)} |"
        for name, (_, spec) in specs(Hyperparameters).items()
    ]
    return "\n".join(["| field | meaning | values | default |", "| --- | --- | --- | --- |", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _range(spec: Spec) -> str:
    if spec.choices is not None:
        return ", ".join(f"`{choice}`" for choice in spec.choices)
    return "True, False" if spec.low is None else f"{spec.low:g} to {spec.high:g}"


GENERATED: dict[str, Callable[[], str]] = {
    "terms": _terms,
    "trained_metrics": _trained_metrics,
    "sample_metrics": _sample_metrics,
    "commands": _commands,
    "hyperparameters": _hyperparameters,
}
