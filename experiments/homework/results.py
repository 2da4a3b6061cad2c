"""Results in directories: runs, the saturation experiment, the checks of the mathematics."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.homework.parts import PARTS
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.errors import UserError
from gan_jax.runs.comparison import read_run
from gan_jax.runs.find_run import find_run
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.text import without_folders

MATHEMATICS = {"ridge": "penalty_strength", "change_of_variables": "draws"}  # a key that only its checks.json has


@dataclass
class Results:
    """Results that were found."""

    runs: list[LoadedRun] = field(default_factory=list)
    records: dict[str, tuple[Path, Mapping[str, Any]]] = field(default_factory=dict)  # directory and JSON by experiment
    passed_over: dict[Path, str] = field(default_factory=dict)  # directories skipped, and why

    def __bool__(self) -> bool:
        return bool(self.runs or self.records)

    def reasons(self) -> list[str]:
        """Return why directories were skipped, for a document."""
        return [without_folders(reason, path) for path, reason in self.passed_over.items()]


def gather(folder: Path) -> Results:
    """Gather the results in the subdirectories of a directory; damaged or unstarted ones are skipped with a reason."""
    results = Results()
    if not folder.is_dir():
        return results
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            _add(results, path)
        except UserError as error:
            results.passed_over[path] = str(error)
    _put_in_order(results)
    return results


def gather_named(paths: Sequence[Path]) -> Results:
    """Gather the results in these directories, each with a run or an experiment, or with subdirectories of them.

    Raises:
        UserError: if one of them is missing, damaged, or holds nothing that a page can show.
    """
    results = Results()
    for path in paths:
        find_run(path)
        if _add(results, path):
            continue
        inside = gather(path)
        if not inside:
            raise UserError(f"{path} contains no run, no saturation experiment and no checks of the mathematics")
        results.runs += inside.runs
        results.records |= inside.records
        results.passed_over |= inside.passed_over
    if len({Path(run.path).resolve() for run in results.runs}) < len(results.runs):
        raise UserError("the same run is given twice")
    _put_in_order(results)
    return results


def _add(results: Results, path: Path) -> bool:
    """Add the result in a directory; return False if there is none."""
    if RunDir(path).read_config() is not None:
        results.runs.append(read_run(path))
        return True
    for name in ("saturation", "checks"):
        record = _read_json(path / f"{name}.json")
        kinds = [kind for kind, fact in MATHEMATICS.items() if fact in record]
        kind = kinds[0] if kinds else "saturation" if "curves" in record else None
        if kind is not None:
            results.records[kind] = (path, record)
            return True
    return False


def _put_in_order(results: Results) -> None:
    """Sort runs: the homework's parts first and in its order, then others by name; seeds in order."""
    names = list(PARTS)

    def place(run: LoadedRun) -> tuple[int, str, int]:
        name = run.config.name.removesuffix(f"-seed_{run.config.seed}")
        return (names.index(name) if name in names else len(names), name, run.config.seed)

    results.runs.sort(key=place)


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, empty if there is no such file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} does not hold a JSON object")
    return values
