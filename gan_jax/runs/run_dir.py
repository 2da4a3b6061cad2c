"""Run directory: its files, and how they are read and written.

config.json      the configuration, which the run is a function of
manifest.json    its provenance, the digest of its data, and that of its final parameters
metrics.csv      a row per epoch
samples/         epoch_001.png and so on: the same 64 latents at every epoch
checkpoints/     the newest states
tensorboard/     event files, with --tensorboard
*.png, *.gif     figures
"""

import contextlib
import csv
import fcntl
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.config import Config
from gan_jax.errors import UserError
from gan_jax.runs.plugins import missing_plugins
from gan_jax.utils.files import (
    PARTIAL,
    decode_png,
    open_file,
    open_no_follow,
    read_limited,
    save_image,
    write_json,
    write_text,
)
from gan_jax.utils.interface import option

MetricsRow = dict[str, float]
JAX = "jax"  # the name of gan_jax.runs.trainer as a trainer, in a manifest
LOCK = ".lock"  # holds the ID of the process that trains here
MAX_JSON_BYTES = 2**20
_CONFIG_KEYS = Config(name="run").to_json().keys()
_LARGEST = float(np.finfo(np.float32).max)
# Types of the values of a manifest that the program reads again.
_MANIFEST_TYPES: dict[str, Any] = {
    "classifier_sha256": str | None,
    "data_sha256": str,
    "device_count": int,
    "diverged": str,
    "earlier": list,
    "epochs": int | None,
    "params_sha256": str | None,
    "plugins": list,
    "seeds_together": list,
    "trainer": str,
    "versions": dict,
}


@dataclass(frozen=True)
class RunDir:
    """Directory of a run, by its path; its files are only touched by the methods."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def events(self) -> Path:
        return self.path / "tensorboard"

    def sample(self, epoch: int) -> Path:
        """Return the path of the grid of samples after `epoch`."""
        return self.samples / f"epoch_{epoch:03d}.png"

    def sampled_epochs(self) -> list[int]:
        """List the epochs that have a grid of samples, in order."""
        names = (path.stem.removeprefix("epoch_") for path in self.samples.glob("epoch_*.png"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    @contextlib.contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Lock the directory, created if missing, against other processes; it is unlocked when this one ends.

        Yields a function that raises UserError if the directory has been deleted or replaced since.

        Raises:
            UserError: if another process holds the lock; the message has its ID. Also if a subdirectory is a link.
        """

        def assert_lock_held() -> None:
            try:
                held = os.path.samestat(os.stat(self.path / LOCK), os.fstat(file.fileno()))
            except FileNotFoundError:
                held = False
            if not held:
                raise UserError(f"{self.path} was deleted or moved while it was in use: nothing more is written there")

        self._refuse_links()
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / LOCK, "a+", encoding="ascii", errors="replace", opener=open_no_follow) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise UserError(f"{self.path} is in use by process {file.read(20) or '?'}: wait for it") from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            for path in self.path.rglob(f"{PARTIAL}*"):  # left by a process that was killed
                path.unlink(missing_ok=True)
            yield assert_lock_held

    def read_sample(self, epoch: int) -> np.ndarray:
        """Read the grid of samples after `epoch`, uint8 (height, width)."""
        path = self.sample(epoch)
        try:
            with open_file(path) as file:
                return np.asarray(decode_png(file).convert("L"))
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read the image {path}: {error}") from error

    def write_sample(self, epoch: int, grid: np.ndarray) -> None:
        """Write the grid of samples after `epoch`, uint8 (height, width)."""
        save_image(self.sample(epoch), grid)

    def read_config(self) -> Config | None:
        """Read the configuration; None if there is no run."""
        self._refuse_links()
        values = self._read_json("config.json")
        if values is None:
            return None
        try:
            return Config.from_json(values)
        except UserError as error:
            reason = missing_plugins(self.read_manifest()) or error
            raise UserError(f"{self.path / 'config.json'}: {reason}") from error

    def is_unbegun(self) -> bool:
        """Return whether a run was set up here and nothing was trained: no completed epoch, and no checkpoint.

        Raises:
            UserError: if config.json or the manifest cannot be read, or a subdirectory is a link.
        """
        self._refuse_links()
        values = self._read_json("config.json")
        # Only the keys: a configuration with the loss of a plugin can be read only where the plugin is loaded.
        if values is None or not values.keys() >= _CONFIG_KEYS or "params_sha256" in self.read_manifest():
            return False
        trained = os.path.lexists(self.path / "metrics.csv") or any(epoch > 1 for epoch in self.sampled_epochs())
        if trained or not os.path.lexists(self.checkpoints):
            return not trained
        return self.checkpoints.is_dir() and all(path.name.startswith(PARTIAL) for path in self.checkpoints.iterdir())

    def write_config(self, config: Config) -> None:
        write_json(self.path / "config.json", config.to_json())

    def read_manifest(self) -> dict[str, Any]:
        """Read the manifest, empty if there is none, and check the types of the values that the program uses."""
        manifest = self._read_json("manifest.json") or {}
        _require_types(self.path / "manifest.json", manifest)
        return manifest

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self.path / "manifest.json", manifest)

    def read_metrics(self, needed: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Read the columns of metrics.csv by name, float64 (epochs,), NaN where an epoch lacks the value."""
        return columns_of(self.read_rows(needed))

    def read_rows(self, needed: Sequence[str] = ()) -> list[MetricsRow]:
        """Read the rows of metrics.csv, one per epoch; each must have the `needed` columns, and may lack others."""
        path = self.path / "metrics.csv"
        try:
            with open_file(path) as file:
                table = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
                rows = [{name: float(value) for name, value in row.items() if value} for row in table]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError, TypeError, AttributeError, csv.Error) as error:
            raise UserError(
                f"cannot read {path}: {error}. Rerunning with {option('overwrite')} retrains from scratch"
            ) from error
        if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
            raise UserError(f"cannot read {path}: its epochs do not count from 1")
        for row in rows:
            if missing := [name for name in needed if name not in row]:
                raise UserError(f"{path} has no {missing[0]} at epoch {row['epoch']:.0f}")
            # No metric of a run is beyond float32: it would have stopped as diverged.
            if wrong := [name for name, value in row.items() if not abs(value) <= _LARGEST]:
                raise UserError(f"{path}: the {wrong[0]} at epoch {row['epoch']:.0f} is not finite in float32")
        return rows

    def write_rows(self, rows: list[MetricsRow]) -> None:
        """Write metrics.csv, each number in the shortest form that reads back to the same bits."""
        names = _columns(rows)
        lines = [names, *([_shortest(row[name]) if name in row else "" for name in names] for row in rows)]
        write_text(self.path / "metrics.csv", "".join(",".join(line) + "\n" for line in lines))

    def _refuse_links(self) -> None:
        """Raise UserError if a subdirectory or an event file is a link: files elsewhere would be read or written."""
        for path in (self.samples, self.checkpoints, self.events, *self.events.glob("*")):
            if path.is_symlink():
                raise UserError(f"{path} is a link: symbolic links are not allowed in a run directory")

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            values = json.loads(read_limited(path, MAX_JSON_BYTES).decode())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"cannot read {path}: {error}") from error
        if not isinstance(values, dict):
            raise UserError(f"{path} does not hold a JSON object")
        return values


def _require_types(path: Path, manifest: dict[str, Any]) -> None:
    """Raise UserError unless the values of a manifest, and of its segments of earlier epochs, have their types."""
    for name, kind in _MANIFEST_TYPES.items():
        if name in manifest and (not isinstance(manifest[name], kind) or isinstance(manifest[name], bool)):
            raise UserError(f"{path}: {name} has an invalid value: {str(manifest[name])[:60]!r}")
    if not all(isinstance(seed, int) for seed in manifest.get("seeds_together", [])):
        raise UserError(f"{path}: seeds_together must be whole numbers")
    for entry in manifest.get("plugins", []):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("file", "sha256")):
            raise UserError(f"{path}: invalid entry in 'plugins'")
    for segment in manifest.get("earlier", []):
        if not isinstance(segment, dict) or not isinstance(segment.get("until_epoch"), int) or "earlier" in segment:
            raise UserError(f"{path}: invalid entry in 'earlier'")
        _require_types(path, segment)


def columns_of(rows: list[MetricsRow]) -> dict[str, np.ndarray]:
    """Return the columns of rows by name, float64 (epochs,), NaN where an epoch lacks the value."""
    return {name: np.array([row.get(name, math.nan) for row in rows]) for name in _columns(rows)}


def _columns(rows: list[MetricsRow]) -> list[str]:
    """List the names of all rows in the order in which they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _shortest(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
