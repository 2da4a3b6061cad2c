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
from gan_jax.plotting.style import COLORS
from gan_jax.reports.page_model import Page

SCRIPTS = (
    "uPlot.iife.min.js",
    "theme.js",
    "charts.js",
    "samples.js",
    "tables.js",
    "scrolling.js",
    "network.js",
    "live.js",
)
STYLES = ("uPlot.min.css", "page.css")
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
    environment.filters |= {"plain": plain, "table_rows": table_rows, "number": number, "zip": zip}
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


def plain(value: Any) -> Any:
    """Convert named tuples to dictionaries, recursively, so that JSON keeps the names of their fields."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(field) for name, field in value._asdict().items()}  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, dict):
        return {name: plain(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [plain(field) for field in value]
    return value


def table_rows(chart: Chart) -> list[int]:
    """Choose at most TABLE_ROWS places of a chart's values, evenly among those where any line has one."""
    there = [place for place in range(len(chart.x)) if any(line.values[place] is not None for line in chart.lines)]
    if len(there) <= TABLE_ROWS:
        return there
    return [there[math.floor(row * (len(there) - 1) / (TABLE_ROWS - 1) + 0.5)] for row in range(TABLE_ROWS)]


def number(value: float | None) -> str:
    """Format a chart's value for a table."""
    return "-" if value is None else f"{value:.3g}"
