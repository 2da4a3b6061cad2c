"""A run directory made without training, and functions that damage it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.config import Config
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.diagnostics import StepInfo

CONFIG = Config(name="part_a", dataset="archives", epochs=3)
Damage = Callable[[Path], object]


def make_run(path: Path) -> Path:
    """Make a run of three epochs after two of them, without its checkpoint; return `path`."""
    folder = RunDir(path)
    folder.write_config(CONFIG)
    folder.write_manifest({"trainer": "jax", "seed": 0, "versions": {"jax": "0"}, "earlier": []})
    names = ("discriminator_steps", *StepInfo._fields, "seconds")
    folder.write_rows([{"epoch": float(epoch)} | dict.fromkeys(names, 0.5) for epoch in (1, 2)])
    folder.write_sample(2, np.zeros((242, 242), np.uint8))
    return path


def checkpointed(run: Path) -> Path:
    """Add the checkpoint of the second epoch to a run."""
    checkpoints.save(RunDir(run).checkpoints, initial_state(CONFIG)._replace(epoch=jax.numpy.int32(2)))
    return run


def config(**values: Any) -> Damage:
    """Replace values in config.json."""
    return json_of("config.json", CONFIG.to_json() | values)


def hparams(**values: Any) -> Damage:
    return config(setting=CONFIG.to_json()["setting"] | values)


def manifest(**values: Any) -> Damage:
    return json_of("manifest.json", {"trainer": "jax", "versions": {}, "earlier": []} | values)


def json_of(name: str, values: Any) -> Damage:
    return text(name, json.dumps(values))


def text(name: str, content: str) -> Damage:
    return lambda run: (run / name).write_text(content)


def content(name: str, content: bytes) -> Damage:
    return lambda run: (run / name).write_bytes(content)


def replaced(name: str, make: Callable[[Path], object]) -> Damage:
    """Replace a file by something else."""

    def damage(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return damage


def metrics(change: Callable[[str], str]) -> Damage:
    return lambda run: (run / "metrics.csv").write_text(change((run / "metrics.csv").read_text()))
