"""Content of a page: plain data, made from the runs and rendered by `html`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gan_jax.analysis.charts import Bars, Chart
from gan_jax.reports.guide import Guide
from gan_jax.reports.images import Picture, Samples
from gan_jax.reports.live_generator import Live


class Provenance(NamedTuple):
    """Origin of a part of the page: facts by name, in order."""

    subject: str
    facts: Mapping[str, str]


class Table(NamedTuple):
    """Rows of text; the first row has the headings of the columns, and each row begins with its own heading."""

    caption: str
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    keys: Sequence[Sequence[float | None]] = ()  # numbers to sort by, for each row but the first
    links: Sequence[str] = ()  # id of the section of each row but the first
    ids: Sequence[str] = ()  # id of each row but the first, or ""
    meanings: Mapping[str, str] = MappingProxyType({})  # explanations of headings, by their text


class Reason(NamedTuple):
    """Explanation of a result, and the charts that show it."""

    text: Sequence[str]  # paragraphs
    charts: Sequence[Chart]
    bars: Bars | None = None


class Section(NamedTuple):
    """Section on runs that differ only in the seed, or a placeholder for missing runs."""

    id: str
    title: str
    question: str = ""
    claim: str = ""
    expected: str = ""  # earlier result, from elsewhere
    missing: str = ""  # command that makes missing runs; then nothing further is shown
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    hparams: Sequence[tuple[str, str]] = ()
    samples: Samples | None = None
    beside: str = ""  # id of the section whose samples are shown beside these
    charts: Sequence[Chart] = ()
    reason: Reason | None = None
    comparison: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    provenance: Sequence[Provenance] = ()


class Experiment(NamedTuple):
    """Section on an experiment other than a training run: text, charts, pictures, tables, a derivation."""

    id: str
    title: str
    question: str
    missing: str = ""  # command that makes missing results
    text: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    derivation: str = ""  # trusted HTML with MathML
    pictures: Sequence[tuple[str, Picture]] = ()  # each after its caption
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    provenance: Sequence[Provenance] = ()


class Generator(NamedTuple):
    """Section with the live generator, which the reader chooses among one or more."""

    choices: Sequence[Live]
    notes: Sequence[str] = ()


class Page(NamedTuple):
    """Content of a whole page."""

    title: str
    introduction: Sequence[str]
    image: str  # word for an image of the runs' data, in the singular: digit
    guide: Guide
    made: Provenance
    generator: Generator
    overview: Table | None
    overview_charts: Sequence[Chart]
    parts: Sequence[Section]
    others: Sequence[Section]
    experiments: Sequence[Experiment]
    style: str = ""  # further CSS, such as the derivations'
