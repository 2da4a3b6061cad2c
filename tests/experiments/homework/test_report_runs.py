"""Runs that the report shows: which represents a part, which draws images first, and in which words."""

import os
import re
import shutil
from dataclasses import replace

import jax.numpy as jnp
import pytest

from experiments.homework import report
from experiments.homework.results import gather
from gan_jax.analysis.metrics import METRICS
from gan_jax.config import Config, Hyperparameters
from gan_jax.inference.pretrained import load_discriminator, load_generator
from gan_jax.reports import live_generator
from gan_jax.reports.html import render
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from tests.helpers.shipped import RESULTS, copy_of_part_a, make_page_of
from tests.reports.test_page_pieces import Elements

SAID = ("alt", "aria-label", "aria-valuetext", "title", "data-name")  # attributes that readers see or hear
TRAINED = {
    "epoch",
    *(name for name, metric in METRICS.items() if not metric.measured),
    "discriminator_steps",
    "seconds",
}


def test_several_seeds_share_one_section_with_intervals(tmp_path):
    shutil.copytree(RESULTS / "part_a", tmp_path / "part_a")
    for seed in (1, 2):
        copy_of_part_a(tmp_path / f"part_a-seed_{seed}", seed)
    page = make_page_of(tmp_path, whole=False)
    [section] = page.parts
    rows = {row[0]: row[1] for row in section.tables[0].rows}
    assert rows["seeds"] == "3"
    assert "±" in rows["G loss"]
    assert len(section.charts[0].lines[1].seeds) == 3
    assert len(section.provenance) == 3
    assert not any("how far seeds differ" in note for note in section.notes)


def test_an_unfinished_run_is_marked_and_compared_up_to_its_length(tmp_path):
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a", epochs=60)
    shutil.copytree(RESULTS / "part_c5", tmp_path / "part_c5")
    page = make_page_of(tmp_path)
    part_a = page.parts[0]
    assert "part_a is not finished: 60 of 100 epochs." in part_a.notes
    assert part_a.samples is not None
    assert {1, 50} < set(part_a.samples.epochs) <= set(range(61))
    part_c5 = next(section for section in page.parts if section.id == "part_c5")
    assert any("Not compared with part_a: epochs is 60" in note for note in part_c5.notes)


def test_the_longest_of_several_runs_represents_the_part(tmp_path):
    """Runs of different lengths are never grouped; the others are shown as well."""
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a", epochs=60)
    copy_of_part_a(tmp_path / "part_a-seed_1", 1)
    page = make_page_of(tmp_path)
    assert page.parts[0].provenance[0].subject == "part_a-seed_1"
    assert [section.title for section in page.others] == ["part_a"]
    assert page.overview is not None
    assert list(page.overview.links) == ["run-1", "part_a"]


def test_a_long_run_takes_precedence_over_many_short_ones(tmp_path):
    for seed in (1, 2, 3):
        copy_of_part_a(tmp_path / f"part_a-seed_{seed}", seed, epochs=60)
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    page = make_page_of(tmp_path)
    assert [entry.subject for entry in page.parts[0].provenance] == ["part_a"]
    assert [section.title for section in page.others] == ["part_a (part_a-seed_1)"]


def test_among_runs_of_one_length_the_largest_group_represents_the_part(tmp_path):
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    config = RunDir(tmp_path / "part_a").read_config()
    assert config is not None
    RunDir(tmp_path / "part_a").write_config(replace(config, hparams=Hyperparameters(learning_rate=1e-3)))
    for seed in (1, 2):
        copy_of_part_a(tmp_path / f"part_a-seed_{seed}", seed)
    assert len(make_page_of(tmp_path).parts[0].provenance) == 2


def test_runs_that_cannot_be_shown_are_skipped_and_reported(tmp_path):
    copy_of_part_a(tmp_path / "part_a", 0, name="part_a")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "unrelated").mkdir()
    RunDir(tmp_path / "begun").write_config(Config(name="begun"))
    found = gather(tmp_path)
    assert len(found.runs) == 1
    assert len(found.passed_over) == 2
    page = report.make_page(found, "a test", whole=False)
    assert "broken" in page.made.facts["skipped"]


def test_the_generator_of_the_newest_run_draws_first(tmp_path):
    """Whatever the names: of two runs with checkpoints the one that was saved last."""
    for place, name in enumerate(("newer", "older")):
        copy_of_part_a(tmp_path / name, place, name=name)
        folder = RunDir(tmp_path / name)
        config = folder.read_config()
        assert config is not None
        checkpoints.save(folder.checkpoints, initial_state(config)._replace(epoch=jnp.int32(1)))
        os.utime(folder.checkpoints, (1000 - place, 1000 - place))
    found = make_page_of(tmp_path, whole=False).generator
    names = [live.name for live in found.choices]
    assert names == ["newer, seed 0, after epoch 1", "part_best after epoch 100", "part_a-seed_1 after epoch 100"]
    assert [live.discriminator is None for live in found.choices] == [False, True, True]
    assert not found.notes


@pytest.mark.parametrize(
    ("dataset", "image", "data"),
    [
        ("mnist", "digit", "the digits of MNIST"),
        ("fashion_mnist", "image", "the clothes of Fashion-MNIST"),
        ("archives", "image", "images of your own"),
    ],
)
def test_the_words_fit_the_data(tmp_path, dataset, image, data):
    """Pages of other data say nothing about digits or MNIST in their own words."""
    folder = RunDir(copy_of_part_a(tmp_path / "mine", 0, name="mine"))
    config = folder.read_config()
    assert config is not None
    folder.write_config(replace(config, dataset=dataset))
    # Without the classifier, which is of MNIST's digits alone, its measurements are missing.
    folder.write_rows([{name: row[name] for name in row if name in TRAINED} for row in folder.read_rows()])
    page = make_page_of(tmp_path, whole=False)
    assert (page.image, data in page.introduction[0]) == (image, True)
    text = render(page._replace(guide=page.guide._replace(words={})))
    assert f"New {image}" in text
    elements = Elements(text)
    said = elements.texts + [str(value) for _, given in elements.found for name, value in given.items() if name in SAID]
    about = {part for live in page.generator.choices for part in (live.name, live.about)} | {*page.generator.notes}
    # The shipped generators draw digits whatever the runs' data, and tables name the metrics.
    said = [words for words in said if not any(part in words for part in about)]
    said = [words for words in said if re.search("digit|MNIST", re.sub("fashion.mnist", "", words, flags=re.I), re.I)]
    assert bool(said) == (image == "digit"), said


def test_without_runs_the_shipped_networks_are_used(tmp_path):
    found = make_page_of(tmp_path).generator
    discriminator = load_discriminator()
    first, second = found.choices
    assert first == live_generator.embed(
        "part_best after epoch 100",
        first.about,
        load_generator().params["params"],
        discriminator.params["params"],
        discriminator.offset,
    )
    assert first.discriminator is not None
    other = load_generator(pretrained="part_a")
    assert second == live_generator.embed(other.name, second.about, other.params["params"])
    assert "Its D is left out" in second.about
    assert "./run.sh part_a makes" in found.notes[-1]
