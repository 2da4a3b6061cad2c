"""What was saved is loaded bit for bit, and what was damaged is noticed."""

from pathlib import Path

import jax
import pytest
from orbax.checkpoint import v1 as ocp

from gan_jax.config import Hyperparameters
from gan_jax.runs.checkpoints import DIGESTS, discard_later, load_newest, params_sha256, save, tree_sha256
from gan_jax.training.state import GanState, init_state

pytestmark = pytest.mark.usefixtures("narrow_runs")


def state_at(epoch: int) -> GanState:
    """A state of its own for each epoch."""
    return init_state(jax.random.key(epoch), Hyperparameters())._replace(epoch=jax.numpy.int32(epoch))


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


def test_a_checkpoint_holds_nothing_of_options_that_are_off(folder):
    """Or those that were saved before there were such options could no longer be loaded."""
    held = ocp.metadata(str(folder / "3"), "state").metadata
    assert set(held) == set(GanState._fields) - {"average"}


def test_saving_an_epoch_again_replaces_it(folder):
    other = state_at(7)._replace(epoch=jax.numpy.int32(3))
    save(folder, other)
    loaded, _ = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(other)


def damaged(path: Path, damage: str) -> None:
    """A file as a disk may leave it."""
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_any_damaged_file_is_named_and_its_checkpoint_passed_over(folder, damage, capfd):
    """Each file in turn; without the list of digests alone, as after a kill before it is written, it loads."""
    victims = [path for path in (folder / "3").rglob("*") if path.is_file()]
    assert len(victims) > 10
    for victim in victims:
        whole = victim.read_bytes()
        damaged(victim, damage)
        loaded, warnings = load_newest(folder, state_at(0))
        victim.write_bytes(whole)
        lost = victim.name == DIGESTS and damage == "remove"
        assert tree_sha256(loaded) == tree_sha256(state_at(3 if lost else 2)), victim
        assert len(warnings) == (0 if lost else 1), victim
        if warnings:
            assert str(folder / "3") in warnings[0]
            assert victim.name == DIGESTS or f" {victim.relative_to(folder / '3')} is " in warnings[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_without_the_files_digests_that_of_the_state_decides(folder, damage):
    """As in checkpoints of earlier versions."""
    (folder / "3" / DIGESTS).unlink()
    damaged(max((folder / "3").rglob("*"), key=lambda path: path.stat().st_size), damage)
    loaded, warnings = load_newest(folder, state_at(0))
    assert tree_sha256(loaded) == tree_sha256(state_at(2))
    assert len(warnings) == 1


def test_later_checkpoints_are_discarded(folder):
    discard_later(folder, 3)
    assert sorted(path.name for path in folder.iterdir()) == ["2", "3"]
    discard_later(folder, 2)
    assert [path.name for path in folder.iterdir()] == ["2"]


def test_no_checkpoint_is_none(tmp_path):
    assert load_newest(tmp_path / "none", state_at(0)) == (None, [])


def test_digests_tell_values_shapes_and_names_apart():
    one = {"a": jax.numpy.zeros((2, 3))}
    trees = [one, {"a": jax.numpy.zeros((3, 2))}, {"b": one["a"]}, {"a": one["a"].at[0, 0].set(-0.0)}]
    assert len({tree_sha256(tree) for tree in trees}) == 4
