"""What was saved is loaded bit for bit, and what was damaged is noticed."""

import jax
import pytest

from gan_jax.checkpoints import load_newest, params_sha256, save, tree_sha256
from gan_jax.config import Setting
from gan_jax.training import GanState, init_state


def state_at(epoch: int) -> GanState:
    """A state of its own for each epoch."""
    return init_state(jax.random.key(epoch), Setting())._replace(epoch=jax.numpy.int32(epoch))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "checkpoints"
    for epoch in (1, 2, 3):
        save(path, state_at(epoch))
    return path


def test_the_newest_state_comes_back_bit_for_bit_and_two_are_kept(folder):
    loaded, warnings = load_newest(folder, state_at(0))
    assert loaded is not None
    assert not warnings
    assert tree_sha256(loaded) == tree_sha256(state_at(3))
    assert params_sha256(loaded) == params_sha256(state_at(3))
    assert sorted(path.name for path in folder.iterdir()) == ["2", "3"]


def test_saving_an_epoch_again_replaces_it(folder):
    other = state_at(7)._replace(epoch=jax.numpy.int32(3))
    save(folder, other)
    loaded, _ = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(other)


def largest_file(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(folder, damage):
    victim = largest_file(folder / "3")
    content = bytearray(victim.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        victim.write_bytes(content)
    elif damage == "truncate":
        victim.write_bytes(content[: len(content) // 2])
    else:
        victim.unlink()
    loaded, warnings = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(state_at(2))
    assert len(warnings) == 1
    assert str(folder / "3") in warnings[0]


def test_no_checkpoint_is_none(tmp_path):
    assert load_newest(tmp_path / "none", state_at(0)) == (None, [])


def test_digests_tell_values_shapes_and_names_apart():
    one = {"a": jax.numpy.zeros((2, 3))}
    trees = [one, {"a": jax.numpy.zeros((3, 2))}, {"b": one["a"]}, {"a": one["a"].at[0, 0].set(-0.0)}]
    assert len({tree_sha256(tree) for tree in trees}) == 4
