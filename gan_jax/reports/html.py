"""From content to one file of HTML that needs nothing beside it and may load nothing."""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gan_jax.reports.charts import COLOURS
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
TABLE_ROWS = 11  # of a chart's values as a table


def render(page: Page) -> str:
    """The page as HTML. All text is escaped, but for the derivations, which are HTML of the package's own making."""
    scripts = [_asset(name) for name in SCRIPTS]
    styles = [_colours(), *(_asset(name) for name in STYLES), _dark(), *filter(None, [page.style])]
    environment = Environment(
        loader=PackageLoader("gan_jax.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "spread": spread, "number": number, "zip": zip}
    return environment.get_template("page.html").render(
        page=page,
        policy=_policy(scripts, styles),
        scripts=[Markup(text) for text in scripts],
        styles=[Markup(text) for text in styles],
    )


def _asset(name: str) -> str:
    return (files("gan_jax.reports") / "static" / name).read_text(encoding="utf-8")


def _colours() -> str:
    """The colours of the charts as custom properties."""
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in COLOURS.items()) + " }"


def _dark() -> str:
    """The dark theme where the reader chose it, or the system asks for it and the reader did not choose the other."""
    properties = _asset("dark.css")
    return (
        f':root[data-theme="dark"] {{ {properties} }}\n'
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {properties} }} }}'
    )


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A policy of content that allows these scripts, these styles and pictures inside the page, and nothing else."""
    allowed = [" ".join(f"'sha256-{_digest(text)}'" for text in texts) for texts in (scripts, styles)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def plain(value: Any) -> Any:
    """Named tuples as dictionaries, all the way down, so that JSON keeps their names."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(field) for name, field in value._asdict().items()}  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, dict):
        return {name: plain(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [plain(field) for field in value]
    return value


def spread(length: int, most: int = TABLE_ROWS) -> list[int]:
    """At most so many places of a sequence, evenly, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return [math.floor(place * (length - 1) / (most - 1) + 0.5) for place in range(most)]


def number(value: float | None) -> str:
    """A chart's value in a table."""
    return "-" if value is None else f"{value:.3g}"
