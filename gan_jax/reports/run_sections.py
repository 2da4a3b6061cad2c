"""Runs that differ in the seed alone as a section of a page: what they are, how they went, and where they come from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.analysis.metrics import Metrics
from gan_jax.analysis.run_groups import Groups, LoadedRun
from gan_jax.analysis.tables import as_cells, footnotes
from gan_jax.config import EXTENSION_FIELDS, Hyperparameters
from gan_jax.evaluation import collapse_warnings
from gan_jax.losses.adversarial import LOSSES, equilibrium_losses
from gan_jax.reports import charts
from gan_jax.reports.charts import Chart
from gan_jax.reports.page_model import Provenance, Table
from gan_jax.runs.run_dir import RunDir

NOT_RECORDED = "not recorded"
SHORT = 12  # characters of a hash that tell it from others


def metrics_of(groups: Groups) -> dict[str, list[Metrics]]:
    """Collect each seed's metrics by group, with the largest digit's share."""
    return {name: [charts.with_largest_share(run.metrics) for run in runs] for name, runs in groups.items()}


def run_charts(runs: Sequence[LoadedRun]) -> list[Chart]:
    """The learning curves, and what the losses do not tell."""
    metrics = [run.metrics for run in runs]
    hparams = runs[0].config.hparams
    undecided = equilibrium_losses(hparams.loss, hparams.targets)
    return [charts.losses(metrics, undecided), charts.verdicts(metrics), charts.gradients(metrics)]


COMPARED = (
    ("frechet", "Classifier Fréchet distance", True),
    ("coverage", "Coverage", False),
    ("modes", "Modes of stacked digits", False),
    ("largest_share", "Share of the most frequent digit", False),
    ("generator_gradient_norm", "Norm of G's gradient", True),
    ("fake_probability", "D(G(z))", True),
    ("generator_loss", "Loss of G", False),
)


def comparison_charts(groups: Groups, without: Sequence[str] = ()) -> list[Chart]:
    """Draw a chart for each metric that the groups have in common, except those shown elsewhere."""
    found = metrics_of(groups)
    made = [
        charts.against(found, name, title, logarithmic=logarithmic)
        for name, title, logarithmic in COMPARED
        if name not in without
    ]
    return [chart for chart in made if chart is not None]


def hparams(run: LoadedRun) -> list[tuple[str, str]]:
    """The configuration in words, without name and seed, and without further options that are off."""
    usual = asdict(Hyperparameters())
    return [
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value).replace("_", "-"))
        for name, value in run.config.flat().items()
        if name not in ("name", "seed") and not (name in EXTENSION_FIELDS and value == usual[name])
    ]


def warnings(runs: Sequence[LoadedRun]) -> list[str]:
    """The signs of collapse after each run's last epoch, and at which earlier ones there were any."""
    lines = []
    for run in runs:
        of_seed = f"seed {run.config.seed}, " if len(runs) > 1 else ""
        last = run.epochs
        found = {epoch: _signs(run, epoch) for epoch in _judged_epochs(run.metrics)}
        lines += [f"{of_seed}epoch {last}: {line}" for line in found.pop(last)]
        earlier = [str(epoch) for epoch, signs in found.items() if signs]
        if earlier:
            count = f"{len(earlier)} of the {len(found)} earlier epochs whose samples were measured"
            lines.append(f"{of_seed}signs of collapse at {count}: {', '.join(earlier)}")
    return lines


def _judged_epochs(metrics: Metrics) -> list[int]:
    """List the epochs whose samples were measured, and the last."""
    measured = np.isfinite(metrics["digit_share_0"]) if "digit_share_0" in metrics else np.zeros(0, bool)
    return sorted({*(np.flatnonzero(measured) + 1).tolist(), len(metrics["epoch"])})


def _signs(run: LoadedRun, epoch: int) -> list[str]:
    metrics = run.metrics
    names = [f"digit_share_{digit}" for digit in range(10)]
    shares = [float(metrics[name][epoch - 1]) for name in names] if all(name in metrics for name in names) else []
    histogram = shares if shares and np.isfinite(shares).all() else None
    shift_invariant = LOSSES[run.config.hparams.loss].shift_invariant
    return collapse_warnings(histogram, None if shift_invariant else float(metrics["fake_probability"][epoch - 1]))


def notes(runs: Sequence[LoadedRun]) -> list[str]:
    """List what a reader must know before comparing."""
    lines = []
    for run in runs:
        if run.epochs < run.config.epochs:
            lines.append(f"{run.config.name} is not finished: {run.epochs} of {run.config.epochs} epochs.")
    if runs[0].trainer != "jax":
        lines.append(f"Trained by {runs[0].trainer}, not by gan_jax.")
    if len(runs) == 1:
        lines.append(f"One run, with seed {runs[0].config.seed}: how far seeds differ is not known from it.")
    return lines


def measurements(groups: Groups) -> list[Table]:
    """The last epoch's measurements, a row each, and differences from the first group where intervals can be had."""
    captions = ("After the last epoch", "Differences from the baseline")
    tables = [list(zip(*cells, strict=True)) for cells in as_cells(groups)]
    found = [Table(caption, rows) for caption, rows in zip(captions, tables, strict=False)]
    return [*found[:-1], found[-1]._replace(notes=footnotes(groups))]


def provenance(run: LoadedRun) -> Provenance:
    """Where a run and every chart of it come from."""
    folder = RunDir(Path(run.path))
    manifest = folder.read_manifest()
    facts = made_by(manifest)
    for stretch in manifest.get("earlier", []):
        facts[f"up to epoch {stretch.get('until_epoch')}"] = "; ".join(made_by(stretch).values())
    return Provenance(
        run.config.name,
        facts
        | {
            "data": _known(manifest, "data_sha256"),
            "final parameters": _known(manifest, "params_sha256"),
            "charts are drawn from": f"metrics.csv, SHA-256 {file_sha256(folder.path / 'metrics.csv')[:SHORT]}",
            "samples are from": "samples/epoch_*.png",
        },
    )


def made_by(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Command, commit, time, machine and versions of a record of `gan_jax.runs.provenance`."""
    versions = manifest.get("versions") or {}
    python = f"Python {manifest['python']}, " if "python" in manifest else ""
    processors = manifest.get("processor_count", "?")
    machine = f"{manifest.get('device_count', 1)} {manifest.get('backend')} on {manifest.get('processor')}, "
    machine += f"{processors} core{'s' if processors != 1 else ''}"
    return {
        "command": _known(manifest, "command"),
        "commit": _known(manifest, "git_commit"),
        "started": _known(manifest, "started"),
        "machine": machine if "processor" in manifest else NOT_RECORDED,
        "versions": python + ", ".join(f"{name} {version}" for name, version in versions.items()) or NOT_RECORDED,
    }


def file_sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _known(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or NOT_RECORDED)
