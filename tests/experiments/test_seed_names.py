"""Names of runs: --seeds numbers all of its runs, a single run is numbered only if it must be."""

import pytest

from experiments.harness.options import CommonOptions, configure, existing_path, other_name
from gan_jax.config import Config

BASE = Config(name="part_a")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["part_a"]),
        (dict(seed=0), ["part_a"]),
        (dict(seed=3), ["part_a-seed_3"]),
        (dict(seeds="3"), ["part_a-seed_0", "part_a-seed_1", "part_a-seed_2"]),
        (dict(seeds="1"), ["part_a-seed_0"]),
        (dict(seeds="7,0"), ["part_a-seed_7", "part_a-seed_0"]),
        (dict(name="x"), ["x"]),
        (dict(name="x", seed=3), ["x"]),
        (dict(name="x", seeds="2"), ["x-seed_0", "x-seed_1"]),
        (dict(dataset="kmnist", seeds="2"), ["part_a-kmnist-seed_0", "part_a-kmnist-seed_1"]),
    ],
)
def test_names(options, names):
    assert [config.name for config in configure(BASE, CommonOptions(**options))] == names


def test_seed_0_is_found_under_either_name(tmp_path):
    alone, numbered = (configure(BASE, options)[0] for options in (CommonOptions(), CommonOptions(seeds="2")))
    assert (other_name(alone), other_name(numbered)) == ("part_a-seed_0", "part_a")
    assert existing_path(tmp_path, numbered) == tmp_path / "part_a-seed_0"  # where it will be
    (tmp_path / "part_a").mkdir()
    assert existing_path(tmp_path, numbered) == existing_path(tmp_path, alone) == tmp_path / "part_a"
    (tmp_path / "part_a-seed_0").mkdir()
    assert existing_path(tmp_path, numbered) == tmp_path / "part_a-seed_0"
    assert existing_path(tmp_path, alone) == tmp_path / "part_a"
    assert other_name(configure(BASE, CommonOptions(seed=3))[0]) is None


@pytest.mark.usefixtures("narrow_runs")
def test_several_seeds_after_one_leave_it_alone(call, tmp_path, small_archives):
    """README's order of examples: one run of the part, then three seeds of it for fewer epochs."""
    options = ("part_a", "--archives", small_archives, "--out", tmp_path)
    assert call(*options, "--epochs", 2).returncode == 0
    before = (tmp_path / "part_a-archives" / "manifest.json").read_bytes()
    done = call(*options, "--epochs", 1, "--seeds", 2)
    assert done.returncode == 0, done
    assert f"{tmp_path / 'part_a-archives'} stays as it is: with --seeds, seed 0 is trained as" in done.stdout
    assert "part_a-archives: seeds 0, 1" in done.stdout
    assert sorted(path.name for path in tmp_path.glob("part_a-archives-seed_*")) == [
        "part_a-archives-seed_0",
        "part_a-archives-seed_1",
    ]
    assert (tmp_path / "part_a-archives" / "manifest.json").read_bytes() == before
    again = call(*options, "--epochs", 1, "--seeds", 2)
    assert again.stdout.count("Already finished: figures, samples and metrics are in") == 2
    assert again.stdout.count("is already finished (1 epoch)") == 2
    assert "Done" not in again.stdout
    taken = call("compare", *tmp_path.glob("part_a-archives-seed_*"), "--out", tmp_path)
    assert "part_a-archives: seeds " in taken.stdout
