"""Content of a page: plain data, made from the runs and rendered by `html`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gan_jax.reports.charts import Bars, Chart
from gan_jax.reports.images import Picture, Samples
from gan_jax.reports.live_generator import Live


class Provenance(NamedTuple):
    """Where something comes from: facts by name, in order."""

    subject: str
    facts: Mapping[str, str]


class Table(NamedTuple):
    """Text in rows; the first of `rows` is the heading, and the first cell of each row its own."""

    caption: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    keys: Sequence[Sequence[float | None]] = ()  # to sort by, of each row but the first, where that differs from text
    links: Sequence[str] = ()  # of each row but the first, the id of its section
    ids: Sequence[str] = ()  # of each row but the first, its own, or ""


class Reason(NamedTuple):
    """Why it came out so, and the figure that shows it."""

    text: Sequence[str]  # paragraphs
    charts: Sequence[Chart]
    bars: Bars | None = None


class Section(NamedTuple):
    """Section of a page about runs that differ in the seed alone, or about runs that are not there."""

    id: str
    title: str
    question: str = ""
    claim: str = ""
    expected: str = ""  # what was measured before, elsewhere
    missing: str = ""  # the command that makes what is not there; then there is nothing further
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    hparams: Sequence[tuple[str, str]] = ()
    samples: Samples | None = None
    beside: str = ""  # the id of the section whose samples are shown beside these
    charts: Sequence[Chart] = ()
    reason: Reason | None = None
    comparison: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    provenance: Sequence[Provenance] = ()


class Experiment(NamedTuple):
    """A section that is no run's: text, charts, pictures, a table, a derivation."""

    id: str
    title: str
    question: str
    missing: str = ""  # as in Section
    text: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    derivation: str = ""  # trusted HTML with MathML
    pictures: Sequence[tuple[str, Picture]] = ()  # each with what it shows
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    provenance: Sequence[Provenance] = ()


class Generator(NamedTuple):
    """The live generator."""

    about: str
    live: Live


class Page(NamedTuple):
    """All of it."""

    title: str
    introduction: Sequence[str]
    made: Provenance
    generator: Generator
    overview: Table | None
    overview_charts: Sequence[Chart]
    parts: Sequence[Section]
    others: Sequence[Section]
    experiments: Sequence[Experiment]
    style: str = ""  # further rules, such as those of the derivations
