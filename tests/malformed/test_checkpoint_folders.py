"""Damaged checkpoints in an unfinished run: `verify` has nothing to compare with, and says so."""

import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.training.state import GanState
from gan_jax.utils.hashing import tree_sha256
from tests.helpers.command import contents
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import CONFIG, Damage, checkpointed, make_run, replaced

NAME = "epoch_002.safetensors"


@functools.cache
def state() -> GanState:
    """The state in the run's checkpoint."""
    return initial_state(CONFIG)._replace(epoch=jax.numpy.int32(2))


def narrower() -> GanState:
    return state()._replace(generator=jax.tree.map(lambda leaf: leaf[..., :1], state().generator))


def rewritten(change: Callable[[bytes], bytes]) -> Damage:
    """Rewrite the file by replacing it, since other tests share its hard links."""

    def damage(folder: Path) -> None:
        content = (folder / NAME).read_bytes()
        (folder / NAME).unlink()
        (folder / NAME).write_bytes(change(content))

    return damage


def header(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Replace the header before the same values."""

    def rewrite(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        values = json.loads(content[8 : 8 + length])
        changed = json.dumps(change(values) or values).encode()
        return len(changed).to_bytes(8, "little") + changed + content[8 + length :]

    return rewritten(rewrite)


def raw_header(text: bytes) -> Damage:
    return rewritten(lambda content: len(text).to_bytes(8, "little") + text)


def tensors(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Damage:
    """Replace tensors and recompute their digest, as an attacker would."""

    def damage(folder: Path) -> None:
        forged = change(load_file(folder / NAME))
        (folder / NAME).unlink()
        save_file(forged, folder / NAME, {checkpoints.DIGEST: tree_sha256(forged)})

    return damage


def moved(name: str) -> Damage:
    return lambda folder: (folder / NAME).rename(folder / name)


def instead(make: Callable[[Path], object]) -> Damage:
    """Replace the directory of all checkpoints."""

    def damage(folder: Path) -> None:
        shutil.rmtree(folder)
        make(folder)

    return damage


def elsewhere(folder: Path) -> None:
    """Move an intact checkpoint out of the run directory and link to it."""
    outside = folder.parent.parent / "values"
    (folder / NAME).rename(outside)
    (folder / NAME).symlink_to(outside)


KERNEL = "generator.params.hidden_1.kernel"
PLACES = {
    "a file": instead(Path.touch),
    "a pipe": instead(os.mkfifo),
    "a link to itself": instead(lambda folder: folder.symlink_to(folder)),
    "no checkpoint": lambda folder: (folder / NAME).unlink(),
    "epoch in words": moved("epoch_two.safetensors"),
    "epoch negative": moved("epoch_-02.safetensors"),
    "epoch in other digits": moved("epoch_٠٠٢.safetensors"),
    "epoch spelt otherwise": moved("epoch_0002.safetensors"),
    "epoch huge": moved(f"epoch_{'9' * 30}.safetensors"),
    "half written": moved(".partial-1-epoch_002.safetensors"),
    "of an earlier version": lambda folder: ((folder / NAME).unlink(), (folder / "2").mkdir()),
}
CONTENTS = {
    "of another epoch": moved("epoch_003.safetensors"),
    "a folder": replaced(NAME, Path.mkdir),
    "a pipe": replaced(NAME, os.mkfifo),
    "a device": replaced(NAME, lambda path: path.symlink_to("/dev/zero")),
    "a link": elsewhere,
    "empty": rewritten(lambda content: b""),
    "binary": rewritten(lambda content: bytes(range(256))),
    "huge": rewritten(lambda content: content + bytes(2**21)),
    "pickled": rewritten(lambda content: b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "length of the header 0": rewritten(lambda content: bytes(8) + content[8:]),
    "length of the header huge": rewritten(lambda content: b"\xff" * 8 + content[8:]),
    "header a list": raw_header(b"[]"),
    "header deep": raw_header(b"[" * 100_000),
    "header deep inside": raw_header(b'{"a":' * 100_000),
    "header of nothing": raw_header(b"{}"),
    "no metadata": header(lambda values: values.pop("__metadata__") and None),
    "metadata a list": header(lambda values: values | {"__metadata__": []}),
    "no digest": header(lambda values: values | {"__metadata__": {}}),
    "another digest": header(lambda values: values | {"__metadata__": {"sha256": "0" * 64}}),
    "digest a list": header(lambda values: values | {"__metadata__": {"sha256": []}}),
    "offsets that overlap": header(lambda values: values | {KERNEL: values[KERNEL] | {"data_offsets": [0, 4]}}),
    "offsets beyond the end": header(lambda values: values | {KERNEL: values[KERNEL] | {"data_offsets": [0, 2**40]}}),
    "type that NumPy lacks": header(lambda values: values | {KERNEL: values[KERNEL] | {"dtype": "F8_E4M3"}}),
    "cut short": rewritten(lambda content: content[: len(content) // 2]),
    "a byte more": rewritten(lambda content: content + b"\0"),
    "a bit flipped": rewritten(lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    "a tensor missing": tensors(lambda held: {name: held[name] for name in held if name != KERNEL}),
    "an extra tensor": tensors(lambda held: held | {"x": np.zeros(1)}),
    "a tensor of half the precision": tensors(lambda held: held | {KERNEL: held[KERNEL].astype(np.float16)}),
    "a tensor transposed": tensors(lambda held: held | {KERNEL: np.ascontiguousarray(held[KERNEL].T)}),
    "a name that climbs": tensors(lambda held: held | {"../../config.json": np.zeros(1)}),
    "a name that is an escape": tensors(lambda held: held | {"\x1b[2J": np.zeros(1)}),
    "values of another shape": lambda folder: checkpoints.save(folder, narrower()),
}  # fmt: skip
CHECKPOINTS = PLACES | CONTENTS


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory) -> Path:
    """An unfinished run with a checkpoint of its second epoch."""
    return checkpointed(make_run(tmp_path_factory.mktemp("run") / "part_a"))


@pytest.fixture
def run(tmp_path, unfinished) -> Path:
    """A copy of the run; files that are not damaged share the disk space."""
    return Path(shutil.copytree(unfinished, tmp_path / "part_a", copy_function=os.link))


@pytest.mark.parametrize("damage", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_verify_skips_a_damaged_checkpoint(call, tmp_path, run, damage):
    damage(run / "checkpoints")
    line = assert_refused(call, tmp_path, "verify", run, "--archives", tmp_path)
    assert "checkpoint" in line


@pytest.mark.parametrize("damage", CONTENTS.values(), ids=CONTENTS)
def test_a_damaged_checkpoint_is_one_line_and_changes_nothing(tmp_path, run, damage, capfd):
    damage(run / "checkpoints")
    before = contents(tmp_path)
    found, [warning] = checkpoints.load_newest(run / "checkpoints", state())
    assert found is None
    assert "is corrupt and was skipped: " in warning
    assert len(warning) < 600
    assert warning.isprintable()
    assert capfd.readouterr() == ("", "")
    assert contents(tmp_path) == before


def test_the_undamaged_checkpoint_loads(unfinished):
    """Refusals above are therefore due to the damage."""
    found, warnings = checkpoints.load_newest(unfinished / "checkpoints", state())
    assert found is not None
    assert not warnings


def test_the_recomputed_digest_is_accepted(run):
    """Refusals of forged tensors are therefore due to the tensors, not the digest."""
    tensors(lambda held: held)(run / "checkpoints")
    found, warnings = checkpoints.load_newest(run / "checkpoints", state())
    assert found is not None
    assert not warnings
