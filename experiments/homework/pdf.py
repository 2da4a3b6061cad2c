"""PDF of the homework, typeset by typst, with the runs in the homework's order."""

import base64
import io
import itertools
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import typst
from PIL import Image

from experiments.homework import math_sections, saturation
from experiments.homework.part_sections import compared, section_of_part, split
from experiments.homework.parts import PARTS, Part
from experiments.homework.results import Results
from experiments.homework.setting_tables import departures, in_common
from experiments.homework.typesetting import first_line, needs_system_fonts
from gan_jax.analysis import charts, takeover
from gan_jax.analysis.judgement import LOOK_REAL, sample_states
from gan_jax.analysis.metrics import CURVES, digit_shares, measured_over_epochs
from gan_jax.analysis.run_groups import Groups, LoadedRun, group_by_seed, metrics_of
from gan_jax.analysis.slopes import generator_slopes
from gan_jax.analysis.tables import as_cells, footnotes, non_comparable
from gan_jax.errors import UserError
from gan_jax.plotting import slopes
from gan_jax.reports import images, print_figures
from gan_jax.reports.page_model import Experiment, Provenance
from gan_jax.runs.run_dir import RunDir

TITLE = "Generative adversarial networks, ridge regression, and a change of variables"
TITLES = {
    "part_a": "The non-saturating loss",
    "part_b": "The original minimax loss",
    "part_c1": "A head start for D",
    "part_c2": "Steps of D that become fewer",
    "part_c3": "One and two steps of D in turn",
    "part_c4": "Four steps of D",
    "part_c5": "Two-sided label smoothing",
    "part_c6": "One-sided label smoothing",
}
INTRODUCTION_C = (
    "Six changes to part (a), one at a time. The homework presents five of them as improvements; each is "
    "compared with part (a) by measurements, whatever they show."
)
DROPPED_IF_EQUAL = ("floor", "samples")  # rows of the overview
SATURATION_CAPTION = "The norm of the gradient that G would receive, while a D is trained from scratch against it."
SAMPLES = 3  # grids of a run
DOTS_PER_INCH = 200  # of pictures drawn for a screen


class _Document:
    """Files that typst reads, in a directory of their own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, name: str, content: str | bytes) -> str:
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name


def make(results: Results, source: str, author: str | None, own_words: Mapping[str, Sequence[str]]) -> bytes:
    """Make the PDF.

    Args:
        results: the results to show; for missing ones the document names the command that makes them.
        source: description of where the results come from.
        author: name on the title page, if any.
        own_words: the student's paragraphs by part or mathematical question.

    Raises:
        UserError: if an image cannot be read or typeset.
    """
    written = " ".join([author or "", *itertools.chain.from_iterable(own_words.values())])
    with tempfile.TemporaryDirectory() as folder:
        document = _Document(Path(folder))
        content = _content(results, document) | {
            "title": TITLE,
            "author": author,
            "source": source,
            "own_words": own_words,
        }
        document.add("homework.json", json.dumps(content))
        shutil.copy(str(files("experiments.homework") / "homework.typ"), folder)
        shutil.copytree(str(files("math_checks") / "derivations"), Path(folder) / "derivations")
        try:
            return typst.compile(
                str(Path(folder) / "homework.typ"),
                root=folder,
                sys_inputs={"measured": json.dumps(_measured(results))},
                ignore_system_fonts=not needs_system_fonts(written),  # without them it looks the same everywhere
            )
        except typst.TypstError as error:
            raise UserError(f"cannot typeset the homework: {first_line(error)}") from error


def _content(results: Results, document: _Document) -> dict[str, Any]:
    groups = group_by_seed(results.runs)
    standing, others = split(groups)
    trained = {part: groups[standing[part]] for part in PARTS if part in standing}
    configs = {part: (trained[part][0] if part in trained else PARTS[part]).config for part in trained or PARTS}
    shared_by = "the runs shown" if trained else "the homework's parts"
    parts = {name: _part(part, trained, document) for name, part in PARTS.items()}
    experiments = {"saturation": _experiment(math_sections.saturation(results.records.get("saturation")), document)}
    for name in math_sections.TITLES:
        experiments[name] = _experiment(math_sections.mathematics(name, results.records.get(name))[0], document)
    experiments["saturation"]["pictures"] = [_slopes(document)]
    if "saturation" in results.records:
        experiments["saturation"]["pictures"].append(_saturation(results.records["saturation"][1], document))
    provenance = [entry for it in [*parts.values(), *experiments.values()] for entry in it.pop("provenance", [])]
    return {
        "parts": parts,
        "introduction_c": INTRODUCTION_C,
        "overview": _overview(trained) if len(trained) > 1 else None,
        "hyperparameters": in_common(configs),
        "hyperparameters_caption": f"Common to {shared_by}; each part's question says what the part changes.",
        "experiments": experiments,
        "provenance": provenance,
        "others": [Path(run.path).name for group in others for run in groups[group]],
        "passed_over": results.reasons(),
    }


def _overview(groups: Groups) -> dict[str, Any]:
    """Tabulate all parts, one column each, with the footnotes."""
    columns = zip(*as_cells(groups)[0], strict=True)
    rows = [column for column in columns if column[0] not in DROPPED_IF_EQUAL or len(set(column[1:])) > 1]
    return {"rows": rows, "notes": footnotes(groups, with_differences=False)}


def _part(part: Part, trained: Mapping[str, Sequence[LoadedRun]], document: _Document) -> dict[str, Any]:
    name = part.config.name
    runs, baseline = trained.get(name, []), trained.get(part.baseline or "", [])
    section = section_of_part(part, runs, baseline, images.FEWEST_EPOCHS)
    about = {"title": TITLES[name], "question": section.question, "claim": section.claim, "missing": not runs}
    if not runs:
        return about
    assert section.reason is not None
    groups = compared(part, runs, baseline)[0] if part.baseline is not None else {}
    of_seeds = "" if len(runs) == 1 else f"; bold lines are means over {len(runs)} seeds, thin lines are seeds"
    drawn = print_figures.run_svg(section.charts)
    caption = f"{name}: losses, D's output and gradient norms{of_seeds}."
    return about | {
        "departures": list(dict.fromkeys(line for run in runs for line in departures(part, run.config))),
        "warnings": section.warnings,
        "seed": runs[0].config.seed,
        "samples": _samples(name, runs[0], document),
        "run": _figure(f"{name}-run", drawn, caption, _describe_run(runs[0]), document),
        "reason": section.reason.text,
        "comparison": _comparison(name, groups, document) if groups else None,
        "takeover": _takeover(name, runs[0], document) if groups else None,
        "tables": [[table.caption, table.rows, table.notes] for table in section.tables],
        "notes": section.notes,
        "provenance": [_facts(entry) for entry in section.provenance],
    }


def _figure(name: str, svg: str, caption: str, alt: str, document: _Document) -> dict[str, Any]:
    return {"file": document.add(f"{name}.svg", svg), "inches": print_figures.WIDTH, "caption": caption, "alt": alt}


def _describe_run(run: LoadedRun) -> str:
    """Describe the figure of a run for readers who do not see it."""
    last = {name: f"{column[-1]:.2g}" for name, column in run.metrics.items()}
    return (
        f"Three panels of lines over {run.epochs} epochs. With seed {run.config.seed} they end at a loss of "
        f"{last['discriminator_loss']} for D and {last['generator_loss']} for G; at a mean D(x) of "
        f"{last['real_probability']} and D(G(z)) of {last['fake_probability']}; and at gradients of norm "
        f"{last['discriminator_gradient_norm']} for D and {last['generator_gradient_norm']} for G."
    )


def _comparison(name: str, groups: Groups, document: _Document) -> dict[str, Any]:
    """Draw the groups' curves, except losses that cannot be compared; and D(x), if D's targets differ."""
    metrics = metrics_of(groups)
    columns = [column for column in CURVES if column not in non_comparable(groups)]
    targets = {runs[0].config.hparams.targets[:2] for runs in groups.values()}
    if len(targets) > 1 and all("real_probability" in run for runs in metrics.values() for run in runs):
        columns.insert(columns.index("fake_probability"), "real_probability")
    columns += measured_over_epochs(metrics)
    drawn, bars = charts.compare_metrics(metrics, columns), charts.digit_bars(metrics)
    ends = [f"{chart.title} {' and '.join(_last(line.values) for line in chart.lines)}" for chart in drawn]
    alt = f"Panels of lines for {' and '.join(groups)} over the epochs, which end at: {'; '.join(ends)}."
    if bars is not None:
        real = [group for group, runs in groups.items() if runs[0].judgement.looks_real]
        most = [f"{int(np.argmax(bars.shares[group]))} in {group}" for group in real if group in bars.shares]
        alt += " Below, a bar for each digit's share of the samples"
        alt += f"; the tallest is of {', of '.join(most)}." if most else "."
    svg = print_figures.comparison_svg(drawn, bars)
    return _figure(f"{name}-against", svg, f"{' against '.join(groups)}.", alt, document)


def _takeover(name: str, run: LoadedRun, document: _Document) -> dict[str, Any] | None:
    """Draw why a digit takes over, if that was measured digit by digit and one does."""
    digit = takeover.frequent_digit(run.metrics)
    if digit is None or not takeover.measured(run.metrics) or takeover.facts(run.metrics, digit) is None:
        return None
    drawn = takeover.charts(run.metrics, digit)
    ends = [f"{chart.title}: {' and '.join(_last(line.values) for line in chart.lines)}" for chart in drawn]
    alt = f"Panels of lines over the epochs, for the digit {digit} and the others, which end at: {'; '.join(ends)}."
    caption = f"{name}: the digit {digit} against the nine others, which are thin; their mean is bold."
    return _figure(f"{name}-takeover", print_figures.comparison_svg(drawn, None), caption, alt, document)


def _last(values: charts.Values) -> str:
    """Format the last value of a line."""
    measured = [value for value in values if value is not None]
    return f"{measured[-1]:.3g}" if measured else "nothing measured"


def _slopes(document: _Document) -> dict[str, Any]:
    """Draw what D's answer for an image teaches G under each loss."""
    chart = generator_slopes()
    ends = [f"{line.label} from {line.values[0]:.2g} to {line.values[-1]:.2g}" for line in chart.lines]
    alt = f"Two panels with a line for each loss over {chart.x_title}, from 0 to 1: {'; '.join(ends)}."
    caption = f"{chart.title}: {chart.unit}."
    return _figure("slopes", print_figures.to_svg(slopes.draw, 2.3), caption, alt, document)


def _saturation(record: Mapping[str, Any], document: _Document) -> dict[str, Any]:
    curves = saturation.curves_of(record)
    svg = print_figures.to_svg(lambda figure: saturation.draw(curves, figure), 2.7)
    alt = "Two panels of lines over D's iterations, both axes logarithmic, a line for each frozen G: " + "; ".join(
        f"after epoch {curve.epochs} of G, from {norms[0]:.2g} to {norms[-1]:.2g} under {saturation.LOSSES[loss]}"
        for curve in curves
        for loss, norms in curve.norms.items()
    )
    return _figure("saturation", svg, SATURATION_CAPTION, f"{alt}.", document)


def _samples(name: str, run: LoadedRun, document: _Document) -> list[dict[str, Any]]:
    folder = RunDir(Path(run.path))
    epochs = [epoch for epoch in folder.sampled_epochs() if epoch <= run.epochs]
    grids = []
    for epoch in images.choose_epochs(epochs, SAMPLES):
        written = io.BytesIO()
        Image.fromarray(folder.read_sample(epoch)).save(written, "PNG")
        file = document.add(f"{name}-{epoch}.png", written.getvalue())
        grids.append({"epoch": epoch, "file": file, "alt": _describe_samples(name, run, epoch)})
    return grids


def _describe_samples(name: str, run: LoadedRun, epoch: int) -> str:
    """Describe a grid of samples, with the most frequent digit if it was measured."""
    shares = digit_shares(run.metrics)[epoch - 1]
    alt = f"64 images in rows of eight that G of {name} makes after epoch {epoch}"
    if sample_states(run.metrics)[epoch - 1] not in LOOK_REAL:
        return f"{alt}."
    most = int(np.argmax(shares))
    return f"{alt}: the classifier takes {100 * shares[most]:.0f} % of its samples for the digit {most}."


def _experiment(experiment: Experiment, document: _Document) -> dict[str, Any]:
    return {
        "question": experiment.question,
        "missing": bool(experiment.missing),
        "text": experiment.text,
        "warnings": experiment.warnings,
        "pictures": _pictures(experiment.id, experiment.pictures, document),
        "provenance": [_facts(entry) for entry in experiment.provenance],
    }


def _pictures(name: str, shown: Sequence[tuple[str, images.Picture]], document: _Document) -> list[dict[str, Any]]:
    return [
        {
            "file": document.add(f"{name}-{place}.png", base64.b64decode(picture.uri.partition(",")[2])),
            "inches": min(picture.width / DOTS_PER_INCH, print_figures.WIDTH),
            "caption": caption,
            "alt": picture.alt,
        }
        for place, (caption, picture) in enumerate(shown)
    ]


def _facts(entry: Provenance) -> list[Any]:
    return [entry.subject, list(entry.facts.items())]


def _measured(results: Results) -> dict[str, list[Any]]:
    """Return the outcome of each check of the mathematics, by its name."""
    outcomes = {}
    for name in math_sections.TITLES:
        if name in results.records:
            for check, measured in math_sections.found_by(results.records[name][1]["checks"]).items():
                outcomes[check] = [measured.text(), measured.passed]
    return outcomes
