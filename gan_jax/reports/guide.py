"""Guide for readers who see such a page for the first time: how to read numbers and charts, and what words mean."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.analysis.metrics import METRICS


class Guide(NamedTuple):
    """Advice, and words with their meanings, in groups."""

    advice: Sequence[str]
    words: Mapping[str, Mapping[str, str]]


ADVICE = (
    "A question mark beside a heading or a chart's title explains it: click it, touch it, or press Enter on it.",
    "A number alone is of a single run. Another seed would give a somewhat different one, so do not trust small "
    "differences.",
    "Of several runs that differ in the seed alone, the number is their mean. ± is followed by half the width of the "
    "95 % confidence interval of that mean: 10 ± 2 reads from 8 to 12.",
    "Where runs differ by powers of ten, the number is their geometric mean, and \N{MULTIPLICATION SIGN}/÷ is followed "
    "by the factor of the 95 % interval: 10 \N{MULTIPLICATION SIGN}/÷ 2 reads from 5 to 20.",
    "In charts a bold line is the mean over the seeds, and each thin line is a run. Click a name in the legend to hide "
    "or show its lines; move over a chart, or press the arrow keys on it, to read its values.",
)


def heading_meanings() -> dict[str, str]:
    """Return explanations by the headings of tables: metrics, the caller's own among them, and the number of runs."""
    metrics = {metric.title: MEANINGS[name] for name, metric in METRICS.items() if name in MEANINGS}
    return metrics | {"seeds": f"Number of runs that differ in the seed alone. {TERMS['seed']}"}


def make_guide(measured: Collection[str]) -> Guide:
    """Make the guide of a page whose runs have these metrics, which are explained by their headings."""
    headings = sorted((METRICS[name].title for name in measured if name in MEANINGS), key=str.casefold)
    words = {
        "Words, explained": TERMS,
        "Measurements, explained": {heading: heading_meanings()[heading] for heading in headings},
    }
    return Guide(ADVICE, {title: meanings for title, meanings in words.items() if meanings})
