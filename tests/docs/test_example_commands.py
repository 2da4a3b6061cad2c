"""The commands that the pages show as examples: a name stands for one setting, so that none of them is refused."""

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.commands import train
from experiments.harness.options import RunOptions, configure
from gan_jax.config import Config
from tests.helpers.printed import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TRAINED = re.compile(r"^\./run\.sh (train|part_[a-z0-9]+|part_best|stacked_mnist)\b")


def commands_that_train(page: Path) -> Iterator[list[str]]:
    """Yield the words behind ./run.sh of the commands in a page's blocks that train on one machine."""
    for block in re.findall(r"^```\w*\n(.+?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if TRAINED.match(line) and "--coordinator-address" not in line:
                yield shlex.split(line, comments=True)[1:]


@pytest.fixture
def configs_of(call: Callable, forget: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Return a function that gives the runs which a command would train, by their directories."""
    found: dict[Path, Config] = {}

    def train_seeds(base: Config, options: RunOptions, callbacks: object = None) -> list:
        found.update({options.out / config.name: config for config in configure(base, options)})
        return []

    def configs_of(words: list[str]) -> dict[Path, Config]:
        found.clear()
        done = call(*words)
        assert done.returncode == 0, (words, done)
        forget()
        return dict(found)

    monkeypatch.setattr(train, "train_seeds", train_seeds)
    monkeypatch.chdir(ROOT)  # where the plugin is
    return configs_of


def test_a_name_stands_for_one_setting(configs_of: Callable) -> None:
    """Except for the number of epochs: a run can be continued."""
    settings = defaultdict(list)
    for page in PAGES:
        for words in commands_that_train(page):
            for folder, config in configs_of(words).items():
                settings[folder].append((page.name, replace(config, epochs=1)))
    assert {"part_a", "d4", "d4_long", "own", "squares-seed_2"} <= {folder.name for folder in settings}
    for folder, uses in settings.items():
        assert len({config for _, config in uses}) == 1, (folder.name, [name for name, _ in uses])


def test_every_variant_names_its_epochs() -> None:
    """Without --epochs it would train for 100, which takes hours on some machines."""
    variants = [words for page in PAGES for words in commands_that_train(page) if words[0] == "train"]
    assert len(variants) >= 6
    assert [words for words in variants if "--epochs" not in words] == []
