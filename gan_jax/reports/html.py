"""Rendering of a page as one HTML file, which needs no other file and may load none."""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gan_jax.analysis.charts import Chart
from gan_jax.plotting.style import COLORS, dash_pattern
from gan_jax.reports.images import GRAYS
from gan_jax.reports.live_generator import Live
from gan_jax.reports.page_model import Page

SCRIPTS = (
    "uPlot.iife.min.js",
    "theme.js",
    "charts.js",
    "player.js",
    "samples.js",
    "tables.js",
    "scrolling.js",
    "network.js",
    "live.js",
)
STYLES = ("uPlot.min.css", "page.css", "live.css", "print.css")
TABLE_ROWS = 11  # of the table of a chart's values, at most


def render(page: Page) -> str:
    """Render a page as HTML. All text is escaped, except the derivations, which are trusted HTML."""
    scripts = [_asset(name) for name in SCRIPTS]
    styles = [_colors(), *(_asset(name) for name in STYLES), _dark(), *filter(None, [page.style])]
    environment = Environment(
        loader=PackageLoader("gan_jax.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    explanations: dict[str, str] = {}  # ids by text: an explanation is in the page once, however often it is shown
    environment.filters |= {
        "chart_data": chart_data,
        "dash": dash_pattern,
        "explanation": lambda text: explanations.setdefault(text, f"about-{len(explanations) + 1}"),
        "layout": layout,
        "number": number,
        "table_rows": table_rows,
        "zip": zip,
    }
    environment.globals |= {"explanations": explanations, "grays": GRAYS}
    return environment.get_template("page.html").render(
        page=page,
        policy=_policy(scripts, styles),
        scripts=[Markup(text) for text in scripts],
        styles=[Markup(text) for text in styles],
    )


def _asset(name: str) -> str:
    return (files("gan_jax.reports") / "static" / name).read_text(encoding="utf-8")


def _colors() -> str:
    """Define the colors of the charts as custom properties."""
    return ":root { " + " ".join(f"--{name}: {color};" for name, color in COLORS.items()) + " }"


def _dark() -> str:
    """Apply the dark theme if the reader chose it, or if the system prefers it and the reader did not choose light."""
    properties = _asset("dark.css")
    return (
        f':root[data-theme="dark"] {{ {properties} }}\n'
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {properties} }} }}'
    )


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Write a content security policy that allows only these scripts, these styles and embedded images."""
    allowed = [" ".join(f"'sha256-{_digest(text)}'" for text in texts) for texts in (scripts, styles)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def chart_data(chart: Chart) -> dict[str, Any]:
    """Return what charts.js draws of a chart; dashes are in line widths."""
    lines = [line._asdict() | {"dash": dash_pattern(line.dash_style)} for line in chart.lines]
    return chart._asdict() | {"lines": lines, "about": ""}


def layout(choices: Sequence[Live]) -> list[dict[str, Any]]:
    """Return what live.js knows of each generator beside its weights: the layers' names, D's offset, the directions."""
    return [
        {
            "generator": live.generator.layers,
            "discriminator": live.discriminator and live.discriminator.layers,
            "offset": live.offset,
            "directions": live.directions,
        }
        for live in choices
    ]


def table_rows(chart: Chart) -> list[int]:
    """Choose at most TABLE_ROWS places of a chart's values: evenly, and where the most lines have one.

    Without a value of any line no place is chosen. Between the first and the last, each place is the one with most
    values in its part of the axis, since some runs were measured after every tenth epoch only, and others after each.
    """
    counts = [sum(line.values[place] is not None for line in chart.lines) for place in range(len(chart.x))]
    there = [place for place, count in enumerate(counts) if count]
    if len(there) <= TABLE_ROWS:
        return there
    chosen = {there[0], there[-1]}
    step = (len(there) - 1) / (TABLE_ROWS - 1)
    for row in range(1, TABLE_ROWS - 1):
        part = there[math.ceil((row - 0.5) * step) : math.ceil((row + 0.5) * step)]
        middle = there[math.floor(row * step + 0.5)]
        chosen.add(max(part, key=lambda place: (counts[place], -abs(place - middle))))
    return sorted(chosen)


def number(value: float | None) -> str:
    """Format a chart's value for a table."""
    return "-" if value is None else f"{value:.3g}"
