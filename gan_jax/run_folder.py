"""What lies in a run's folder, and reading and writing it.

config.json      the configuration, which the run is a function of
manifest.json    where and how it ran, its data's hash, and the hash that it ended with
metrics.csv      a row an epoch
samples/         epoch_001.png and so on: the same 64 latents at every epoch
checkpoints/     the newest states
tensorboard/     event files, if asked for
*.png, *.gif     figures
"""

import contextlib
import csv
import fcntl
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_jax.config import Config
from gan_jax.errors import UserError
from gan_jax.files import PARTIAL, save_image, write_json, write_text

Row = dict[str, float]
LOCK = ".lock"  # holds the number of the process that trains here


@dataclass(frozen=True)
class RunFolder:
    """A run's folder by its path; nothing is read or written before it is asked for."""

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
        """The grid of samples after `epoch`."""
        return self.samples / f"epoch_{epoch:03d}.png"

    def sampled_epochs(self) -> list[int]:
        """Epochs whose grid of samples is there, in order."""
        names = (path.stem.removeprefix("epoch_") for path in self.samples.glob("epoch_*.png"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, made if missing, against other processes; a process that dies lets go of it.

        Raises:
            UserError: if another process holds it, with its number.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / LOCK, "a+", encoding="ascii") as file:
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
            yield

    def read_sample(self, epoch: int) -> np.ndarray:
        """The grid of samples after `epoch`, uint8 (height, width)."""
        path = self.sample(epoch)
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("L"))
        except OSError as error:
            raise UserError(f"cannot read the image {path}: {error.strerror or error}") from error

    def write_sample(self, epoch: int, grid: np.ndarray) -> None:
        """Write the grid of samples after `epoch`, uint8 (height, width)."""
        save_image(self.sample(epoch), grid)

    def read_config(self) -> Config | None:
        """The configuration of the run that is here, or None if there is none."""
        values = self._read_json("config.json")
        if values is None:
            return None
        try:
            return Config.from_json(values)
        except UserError as error:
            raise UserError(f"{self.path / 'config.json'}: {error}") from error

    def write_config(self, config: Config) -> None:
        write_json(self.path / "config.json", config.to_json())

    def read_manifest(self) -> dict[str, Any]:
        """The manifest, empty if there is none."""
        return self._read_json("manifest.json") or {}

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self.path / "manifest.json", manifest)

    def read_metrics(self) -> dict[str, np.ndarray]:
        """The columns of metrics.csv by name, float64 (epochs,), NaN where an epoch lacks the value; empty if none."""
        rows = self.read_rows()
        return {name: np.array([row.get(name, math.nan) for row in rows]) for name in _columns(rows)}

    def read_rows(self) -> list[Row]:
        """The rows of metrics.csv, epoch by epoch, each with the values that it has."""
        path = self.path / "metrics.csv"
        try:
            with open(path, encoding="utf-8", newline="") as file:
                rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"cannot read {path}: {error}") from error
        if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
            raise UserError(f"cannot read {path}: its epochs do not count from 1")
        return rows

    def write_rows(self, rows: list[Row]) -> None:
        """Write metrics.csv; numbers in the shortest form that is read back to the same bits."""
        names = _columns(rows)
        lines = [names, *([_shortest(row[name]) if name in row else "" for name in names] for row in rows)]
        write_text(self.path / "metrics.csv", "".join(",".join(line) + "\n" for line in lines))

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"cannot read {path}: {error}") from error
        if not isinstance(values, dict):
            raise UserError(f"{path} does not hold a JSON object")
        return values


def _columns(rows: list[Row]) -> list[str]:
    """The names in the order in which they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _shortest(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
