"""Checkpoints from elsewhere, in a run that is not finished: `verify` has nothing to compare with, and says so."""

import functools
import gc
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import pytest
import tensorstore

from gan_jax.runs import checkpoints
from gan_jax.runs.trainer import initial_state
from gan_jax.training.state import GanState
from tests.helpers.command import contents
from tests.malformed.refusal import assert_refused
from tests.malformed.run_folder import CONFIG, Damage, checkpointed, make_run, replaced

META, TREE, MANIFEST = "2/_CHECKPOINT_METADATA", "2/state/_METADATA", "2/state/manifest.ocdbt"
DIGESTS = f"2/{checkpoints.DIGESTS}"


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


def digests(content: bytes) -> Damage:
    return rewritten(DIGESTS, lambda _: content)


def digest_of(name: str) -> Damage:
    """A further file in the list, with the digest that it would have if it were empty."""
    return edited(DIGESTS, **{name: hashlib.sha256().hexdigest()})


def accepted(folder: Path) -> None:
    """List the files as they are now, as one does who means harm: what is wrong with them is left for orbax to find."""
    for step in folder.iterdir():
        files = [path for path in step.rglob("*") if path.is_file() and path.name != checkpoints.DIGESTS]
        listed = {path.relative_to(step).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        (step / checkpoints.DIGESTS).unlink(missing_ok=True)
        (step / checkpoints.DIGESTS).write_text(json.dumps(listed))


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


PLACES = {
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
}
OF_DIGESTS = {
    "digests empty": digests(b""),
    "digests binary": digests(bytes(range(256))),
    "digests a list": digests(b"[]"),
    "digests deep": digests(b"[" * 100_000),
    "digests deep inside": digests(b'{"a":' * 100_000),
    "digests huge": digests(b'{"a": "' + b"0" * 2_000_000 + b'"}'),
    "digests of nothing": digests(b"{}"),
    "digests that are numbers": edited(DIGESTS, **{"commit_success.txt": 3}),
    "digests a folder": replaced(DIGESTS, Path.mkdir),
    "digests a pipe": replaced(DIGESTS, os.mkfifo),
    "digests a device": replaced(DIGESTS, lambda path: path.symlink_to("/dev/zero")),
    "digest of a device": digest_of("/dev/zero"),
    "digest of any file": digest_of("/etc/passwd"),
    "digest of what is nowhere": digest_of("/nonexistent"),
    "digest of what climbs": digest_of("../../config.json"),
    "digest of a folder": digest_of("state"),
    "digest of an escape": digest_of("\x1b[2J"),
    "digest of half a character": digest_of("\ud800"),
    "a file more": lambda folder: (folder / "2" / "more").touch(),
}
CONTENTS = {
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
CHECKPOINTS = PLACES | OF_DIGESTS | CONTENTS


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory) -> Path:
    """A run that is not finished, with a checkpoint of its second epoch."""
    return checkpointed(make_run(tmp_path_factory.mktemp("run") / "part_a"))


@pytest.fixture
def run(tmp_path, unfinished) -> Path:
    """The same anew; a file that is not damaged is the same on the disk, too."""
    return Path(shutil.copytree(unfinished, tmp_path / "part_a", copy_function=os.link))


@pytest.mark.parametrize("damage", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_verify_passes_over_a_checkpoint(call, tmp_path, run, damage):
    damage(run / "checkpoints")
    told = assert_refused(call, tmp_path, "verify", run, "--archives", tmp_path)
    assert "checkpoint" in told


@pytest.mark.parametrize("damage", CONTENTS.values(), ids=CONTENTS)
def test_a_checkpoint_whose_list_of_files_is_forged_too_is_passed_over(tmp_path, run, damage, capfd):
    """Also by what orbax has abandoned, which is told of when it is collected: nothing is printed."""
    damage(run / "checkpoints")
    accepted(run / "checkpoints")
    before = contents(tmp_path)
    found, [warning] = checkpoints.load_newest(run / "checkpoints", state())
    gc.collect()
    assert found is None
    assert "is damaged and was passed over: " in warning
    assert "what was written" not in warning
    assert warning.isprintable()
    assert capfd.readouterr() == ("", "")
    assert contents(tmp_path) == before


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
def test_a_name_of_code_is_not_looked_up(run, damage):
    """orbax notes its classes by name in the metadata; the state is loaded by the names that it knows itself."""
    damage(run / "checkpoints")
    accepted(run / "checkpoints")
    found, warnings = checkpoints.load_newest(run / "checkpoints", state())
    assert checkpoints.tree_sha256(found) == checkpoints.tree_sha256(state())
    assert not warnings


def written_with(prefix: str, values: Path) -> dict[str, bytes]:
    """A checkpoint's values as tensorstore itself writes them with this in front of their files' names."""
    source = tensorstore.KvStore.open({"driver": "ocdbt", "base": {"driver": "file", "path": f"{values}/"}}).result()
    context, base = tensorstore.Context(), {"driver": "memory", "path": "all/"}
    names = dict.fromkeys(("value_data_prefix", "btree_node_data_prefix", "version_tree_node_data_prefix"), prefix)
    copy = tensorstore.KvStore.open({"driver": "ocdbt", "base": base} | names, context=context).result()
    for key in source.list().result():
        copy.write(key, source.read(key).result().value).result()
    files = tensorstore.KvStore.open(base, context=context).result()
    return {key.decode(): files.read(key).result().value for key in files.list().result()}


@pytest.mark.parametrize(("prefix", "loads"), [("within/", True), ("../../../../outside/", False)])
def test_a_manifest_does_not_lead_out_of_its_folder(tmp_path, run, prefix, loads):
    """It names the files of its values, and these are whole: what opens them takes no name that climbs."""
    values = run / "checkpoints" / "2" / "state"
    files = written_with(prefix, values)
    for name in ("d", "ocdbt.process_0"):
        shutil.rmtree(values / name)
    for name, content in files.items():
        (values / name).parent.mkdir(exist_ok=True)
        (values / name).unlink(missing_ok=True)
        (values / name).write_bytes(content)
    assert (tmp_path / "outside").is_dir() is not loads
    accepted(run / "checkpoints")
    found, warnings = checkpoints.load_newest(run / "checkpoints", state())
    assert (found is not None) is loads, warnings
