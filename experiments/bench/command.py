"""./run.sh bench: runs studies, prints their tables, and writes them with figures and provenance."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import jax

from experiments.bench import roofline, startup
from experiments.bench.report import as_csv, as_markdown, draw, line_of, rows
from experiments.bench.studies import Study
from experiments.bench.timing import measure
from experiments.harness.runtime import prepare
from experiments.harness.tables import as_text
from experiments.improvements import cost
from experiments.improvements.variants import CHANGES
from gan_jax.data.datasets import load
from gan_jax.errors import UserError
from gan_jax.runs.progress import say
from gan_jax.runs.provenance import provenance
from gan_jax.utils.files import save_figure, write_json, write_text


def bench(studies: Sequence[Study], out: Path, repeats: int) -> None:
    """Run each study and write `out`/STUDY.json, .csv, .md and .png.

    Raises:
        UserError: if a process fails or the directory cannot be written.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the worker processes share a GPU's memory
    prepare()
    for study in studies:
        say(f"{study.name}: {study.title}")
        try:
            special = {"variants": _variants, "startup": _startup, "roofline": _roofline}
            special.get(study.name, _timings)(study, out, repeats)
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error


def _timings(study: Study, out: Path, repeats: int) -> None:
    timings = measure(study.cases_on(jax.default_backend()), repeats, say)
    found = rows(study, timings)
    cases = {label: asdict(timing) | {"iterations": timing.case.iterations} for label, timing in timings.items()}
    write_json(out / f"{study.name}.json", {"provenance": provenance(), "repeats": repeats, "cases": cases})
    write_text(out / f"{study.name}.csv", as_csv(found))
    save_figure(out / f"{study.name}.png", draw(study, timings))
    _show(as_markdown(found), study, out)
    if study.name == "steps":
        slope, intercept, ratio = line_of(list(timings.values()))
        say(f"an iteration takes {1e3 * intercept:.1f} ms plus {1e3 * slope:.1f} ms per D step; that slope is "
            f"{ratio:.2f} times what the operations predict")  # fmt: skip


def _variants(study: Study, out: Path, repeats: int) -> None:
    hparams = {name: change.hparams for name, change in CHANGES.items()}
    costs = cost.measure(hparams, load("mnist").train_images, repeats, say)
    found = {name: cost._asdict() for name, cost in costs.items()}
    write_json(out / f"{study.name}.json", {"provenance": provenance(), "repeats": repeats, "changes": found})
    save_figure(out / f"{study.name}.png", cost.draw(study.title, costs))
    _show(cost.as_markdown(costs), study, out)


def _roofline(study: Study, out: Path, _: int) -> None:
    _show(roofline.as_markdown(), study, out)


def _startup(study: Study, out: Path, _: int) -> None:
    found = startup.measure()
    write_json(out / f"{study.name}.json", {"provenance": provenance(), **found._asdict()})
    say(f"{found.cold:.1f} s; {found.warm:.1f} s with cached compiled programs")


def _show(markdown: str, study: Study, out: Path) -> None:
    write_text(out / f"{study.name}.md", markdown)
    say(as_text(markdown))
