"""Checkpoints are loaded bit for bit, and damage is detected."""

from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load, load_file
from safetensors.torch import load_file as load_in_torch

from gan_jax.config import Hyperparameters
from gan_jax.errors import UserError
from gan_jax.runs.checkpoints import delete_after, load_newest, params_sha256, save
from gan_jax.training.state import GanState, init_state
from gan_jax.utils.hashing import tree_sha256

pytestmark = pytest.mark.usefixtures("narrow_runs")


def state_at(epoch: int) -> GanState:
    """Return a different state for each epoch."""
    return init_state(jax.random.key(epoch), Hyperparameters())._replace(epoch=jax.numpy.int32(epoch))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "checkpoints"
    for epoch in (1, 2, 3):
        save(path, state_at(epoch))
    return path


@pytest.fixture
def newest(folder) -> Path:
    return folder / "epoch_003.safetensors"


def test_the_newest_state_is_loaded_bit_for_bit_and_two_are_kept(folder):
    loaded, warnings = load_newest(folder, state_at(0))
    assert loaded is not None
    assert not warnings
    assert tree_sha256(loaded) == tree_sha256(state_at(3))
    assert params_sha256(loaded) == params_sha256(state_at(3))
    assert sorted(path.name for path in folder.iterdir()) == ["epoch_002.safetensors", "epoch_003.safetensors"]


def test_numpy_and_torch_read_the_tensors_by_their_paths(newest):
    state = state_at(3)
    arrays = load_file(newest)
    kernel = "generator.params.hidden_1.kernel"
    np.testing.assert_array_equal(arrays[kernel], state.generator["params"]["hidden_1"]["kernel"])
    np.testing.assert_array_equal(load_in_torch(newest)[kernel].numpy(), arrays[kernel])
    assert {name.partition(".")[0] for name in arrays} == set(GanState._fields) - {"average"}  # this option is off


def test_a_checkpoint_is_written_beside_its_name_and_moved_onto_it(folder, newest):
    """Readers of the former file, and a kill in between, find it whole."""
    before = newest.stat().st_ino
    with open(newest, "rb") as held:
        save(folder, state_at(7)._replace(epoch=jax.numpy.int32(3)))
        assert newest.stat().st_ino != before
        assert load(held.read())["epoch"] == 3
    assert sorted(path.name for path in folder.iterdir()) == ["epoch_002.safetensors", "epoch_003.safetensors"]


def test_the_checkpoint_just_saved_is_kept_beside_later_ones(folder, newest):
    save(folder, state_at(1))
    assert sorted(path.name for path in folder.iterdir()) == ["epoch_001.safetensors", newest.name]


def test_saving_an_epoch_again_replaces_it(folder):
    other = state_at(7)._replace(epoch=jax.numpy.int32(3))
    save(folder, other)
    loaded, _ = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(other)


def damaged(path: Path, damage: str) -> None:
    """Damage a file as a faulty disk may."""
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("place", ["length", "metadata", "name", "first value", "last value"])
def test_a_flipped_bit_anywhere_is_detected(folder, newest, place):
    content = bytearray(newest.read_bytes())
    header = int.from_bytes(content[:8], "little")
    index = {
        "length": 1,
        "metadata": content.index(b"sha256") + 12,
        "name": content.index(b"hidden_1"),
        "first value": 8 + header,
        "last value": len(content) - 1,
    }[place]
    content[index] ^= 1
    newest.write_bytes(content)
    loaded, [warning] = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(state_at(2))
    assert warning.startswith(f"checkpoint {newest} is corrupt and was skipped: ")


def test_checkpoints_of_earlier_versions_are_refused_by_name(tmp_path):
    """Each was a directory named by the epoch's number."""
    (tmp_path / "checkpoints" / "10").mkdir(parents=True)
    with pytest.raises(UserError, match=r"checkpoints of an earlier version, .*: rerun with .*overwrite"):
        load_newest(tmp_path / "checkpoints", state_at(0))


def test_later_checkpoints_are_deleted(folder):
    delete_after(folder, 3)
    assert len(list(folder.iterdir())) == 2
    delete_after(folder, 2)
    assert [path.name for path in folder.iterdir()] == ["epoch_002.safetensors"]


def test_no_checkpoint_is_none(tmp_path):
    assert load_newest(tmp_path / "none", state_at(0)) == (None, [])


def test_digests_depend_on_values_shapes_and_names():
    one = {"a": jax.numpy.zeros((2, 3))}
    trees = [one, {"a": jax.numpy.zeros((3, 2))}, {"b": one["a"]}, {"a": one["a"].at[0, 0].set(-0.0)}]
    assert len({tree_sha256(tree) for tree in trees}) == 4
