"""Content of a section on runs that differ only in the seed: charts, notes, tables and provenance."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gan_jax.analysis import charts, judgement
from gan_jax.analysis.charts import Chart
from gan_jax.analysis.metrics import CURVES, MEASUREMENTS
from gan_jax.analysis.run_groups import Groups, LoadedRun, metrics_of
from gan_jax.analysis.tables import as_cells, footnotes
from gan_jax.config import EXTENSION_FIELDS, Hyperparameters
from gan_jax.losses.adversarial import losses_at_half
from gan_jax.reports.page_model import Provenance, Table
from gan_jax.runs.run_dir import RunDir

NOT_RECORDED = "not recorded"
SHORT = 12  # characters of a hash that are shown


def run_charts(runs: Sequence[LoadedRun]) -> list[Chart]:
    """Chart the losses, D's output and the gradient norms."""
    metrics = [run.metrics for run in runs]
    hparams = runs[0].config.hparams
    return [
        charts.losses(metrics, losses_at_half(hparams.loss, hparams.targets)),
        charts.discriminator_output(metrics),
        charts.gradient_norms(metrics),
    ]


def comparison_charts(groups: Groups, without: Sequence[str] = ()) -> list[Chart]:
    """Chart each metric that any group has, except those named in `without`."""
    names = [name for name in (*MEASUREMENTS, *CURVES) if name not in without]
    return charts.compare_metrics(metrics_of(groups), names)


def hparams(run: LoadedRun) -> list[tuple[str, str]]:
    """List the configuration as text, without name and seed, and without extensions that are off."""
    usual = asdict(Hyperparameters())
    return [
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value).replace("_", "-"))
        for name, value in run.config.flat().items()
        if name not in ("name", "seed") and not (name in EXTENSION_FIELDS and value == usual[name])
    ]


def warnings(runs: Sequence[LoadedRun]) -> list[str]:
    """List each run's signs of failure after its last epoch."""
    return [
        f"seed {run.config.seed}: {line}" if len(runs) > 1 else line
        for run in runs
        for line in judgement.warnings(run.judgement)
    ]


def notes(runs: Sequence[LoadedRun]) -> list[str]:
    """List what a reader must know before comparing."""
    lines = []
    for run in runs:
        if run.epochs < run.config.epochs:
            lines.append(f"{run.config.name} is not finished: {run.epochs} of {run.config.epochs} epochs.")
        if phases := judgement.describe_phases(run.judgement):
            lines.append(f"Seed {run.config.seed}: {phases}" if len(runs) > 1 else phases)
    if runs[0].trainer != "jax":
        lines.append(f"Trained by {runs[0].trainer}, not by gan_jax.")
    if len(runs) == 1:
        lines.append(f"A single run, with seed {runs[0].config.seed}: it does not show how much seeds differ.")
    return lines


def measurements(groups: Groups) -> list[Table]:
    """Tabulate the last epoch's measurements, one per row, and those differences that have intervals."""
    captions = ("After the last epoch", "Differences from the baseline")
    tables = [list(zip(*cells, strict=True)) for cells in as_cells(groups)]
    found = [Table(caption, rows) for caption, rows in zip(captions, tables, strict=False)]
    return [*found[:-1], found[-1]._replace(notes=footnotes(groups))]


def provenance(run: LoadedRun) -> Provenance:
    """Describe the origin of a run and of its charts."""
    folder = RunDir(Path(run.path))
    manifest = folder.read_manifest()
    facts = made_by(manifest)
    for segment in manifest.get("earlier", []):
        facts[f"up to epoch {segment.get('until_epoch')}"] = "; ".join(made_by(segment).values())
    return Provenance(
        run.config.name,
        facts
        | {
            "data": _known(manifest, "data_sha256"),
            "final parameters": _known(manifest, "params_sha256"),
            "source of the charts": f"metrics.csv, SHA-256 {file_sha256(folder.path / 'metrics.csv')[:SHORT]}",
            "source of the samples": "samples/epoch_*.png",
        },
    )


def made_by(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return command, commit, time, machine and versions from a record of `gan_jax.runs.provenance`."""
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
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _known(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or NOT_RECORDED)
