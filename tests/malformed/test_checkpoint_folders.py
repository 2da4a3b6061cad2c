"""Checkpoints from elsewhere, in a run that is not finished: `verify` has nothing to compare with, and says so."""

import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import pytest
import tensorstore

from gan_jax import checkpoints
from gan_jax.runs import initial_state
from gan_jax.training import GanState
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import CONFIG, Damage, checkpointed, make_run, replaced

# orbax abandons its other reads when one fails, and Python tells of each.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

META, TREE, MANIFEST = "2/_CHECKPOINT_METADATA", "2/state/_METADATA", "2/state/manifest.ocdbt"


@functools.cache
def state() -> GanState:
    """What the run's checkpoint holds."""
    return initial_state(CONFIG)._replace(epoch=jax.numpy.int32(2))


def narrower() -> GanState:
    return state()._replace(generator=jax.tree.map(lambda leaf: leaf[..., :1], state().generator))


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Damage:
    """A file anew: its hard links, which other tests share, stay as they are."""

    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).write_bytes(change(content))

    return damage


def largest(folder: Path) -> str:
    return str(max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size))


def edited(name: str, **values: object) -> Damage:
    return rewritten(name, lambda content: json.dumps(json.loads(content) | values).encode())


def moved(name: str) -> Damage:
    return lambda folder: (folder / "2").rename(folder / name)


def instead(make: Callable[[Path], object]) -> Damage:
    """In the place of the folder of all checkpoints."""

    def damage(folder: Path) -> None:
        shutil.rmtree(folder)
        make(folder)

    return damage


def elsewhere(folder: Path) -> None:
    """Whole values, but outside of the run's folder."""
    values = Path(largest(folder))
    outside = folder.parent.parent / "values"
    values.rename(outside)
    values.symlink_to(outside)


CHECKPOINTS = {
    "a file": instead(Path.touch),
    "a pipe": instead(os.mkfifo),
    "a link to itself": instead(lambda folder: folder.symlink_to(folder)),
    "no step": lambda folder: shutil.rmtree(folder / "2"),
    "step a file": lambda folder: (shutil.rmtree(folder / "2"), (folder / "2").touch()),
    "step empty": lambda folder: (shutil.rmtree(folder / "2"), (folder / "2").mkdir()),
    "step in words": moved("two"),
    "step negative": moved("-2"),
    "step huge": moved("9" * 30),
    "step of another epoch": moved("3"),
    "step that is being written": moved("2.orbax-checkpoint-tmp"),
    "metadata missing": replaced(META, lambda path: None),
    "metadata empty": rewritten(META, lambda content: b""),
    "metadata binary": rewritten(META, lambda content: bytes(range(256))),
    "metadata a list": rewritten(META, lambda content: b"[]"),
    "metadata deep": rewritten(META, lambda content: b"[" * 100_000),
    "metadata a pipe": replaced(META, os.mkfifo),
    "another digest": edited(META, custom_metadata={"sha256": "0" * 64}),
    "no digest": edited(META, custom_metadata={}),
    "digest a list": edited(META, custom_metadata={"sha256": []}),
    "custom metadata in words": edited(META, custom_metadata="mine"),
    "tree missing": replaced(TREE, lambda path: None),
    "tree binary": rewritten(TREE, lambda content: bytes(range(256))),
    "tree deep": rewritten(TREE, lambda content: b"[" * 100_000),
    "tree without leaves": edited(TREE, tree_metadata={}),
    "manifest missing": replaced(MANIFEST, lambda path: None),
    "manifest binary": rewritten(MANIFEST, lambda content: bytes(range(256))),
    "manifest cut short": rewritten(MANIFEST, lambda content: content[:50]),
    "manifest that climbs": rewritten(MANIFEST, lambda content: content.replace(b"d/", b"..")),
    "state a file": lambda folder: (shutil.rmtree(folder / "2/state"), (folder / "2/state").touch()),
    "values missing": lambda folder: Path(largest(folder)).unlink(),
    "values empty": lambda folder: rewritten(largest(folder), lambda content: b"")(folder),
    "values cut short": lambda folder: rewritten(largest(folder), lambda content: content[: len(content) // 2])(folder),
    "values flipped": lambda folder: rewritten(
        largest(folder), lambda content: content[:5_000_000] + bytes([content[5_000_000] ^ 1]) + content[5_000_001:]
    )(folder),
    "values by a link": elsewhere,
    "values a folder": lambda folder: replaced(largest(folder), Path.mkdir)(folder),
    "values of another shape": lambda folder: checkpoints.save(folder, narrower()),
}  # fmt: skip


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory) -> Path:
    """A run that is not finished, with a checkpoint of its second epoch."""
    return checkpointed(make_run(tmp_path_factory.mktemp("run") / "part_a"))


@pytest.mark.parametrize("damage", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_verify_passes_over_a_checkpoint(call, tmp_path, unfinished, damage):
    run = shutil.copytree(unfinished, tmp_path / "part_a", copy_function=os.link)
    damage(run / "checkpoints")
    told = assert_refused(call, tmp_path, "verify", run, "--archives", tmp_path)
    assert "checkpoint" in told


def test_the_checkpoint_is_whole_where_nothing_damages_it(unfinished):
    """So that each refusal above is of the damage."""
    found, warnings = checkpoints.load_newest(unfinished / "checkpoints", state())
    assert found is not None
    assert not warnings


OF_CODE = {
    "handler": edited(META, item_handlers={"state": "os.system"}),
    "kind of a leaf": rewritten(TREE, lambda content: content.replace(b"jax.Array", b"os.system")),
}


@pytest.mark.parametrize("damage", OF_CODE.values(), ids=OF_CODE)
def test_a_name_of_code_is_not_looked_up(tmp_path, unfinished, damage):
    """orbax notes its classes by name in the metadata; the state is loaded by the names that it knows itself."""
    folder = shutil.copytree(unfinished / "checkpoints", tmp_path / "checkpoints", copy_function=os.link)
    damage(folder)
    found, warnings = checkpoints.load_newest(folder, state())
    assert checkpoints.tree_sha256(found) == checkpoints.tree_sha256(state())
    assert not warnings


def test_no_key_of_a_checkpoint_leads_out_of_its_folder(tmp_path):
    """A manifest names the files of its values: tensorstore, which opens them, takes no name that climbs."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").write_text("secret")
    store = tensorstore.KvStore.open({"driver": "file", "path": f"{tmp_path / 'inside'}/"}).result()
    for name in ("../outside", "x/../../outside"):
        with pytest.raises(ValueError, match="Invalid key"):
            store.read(name).result()
