"""The README and the pages in docs: links resolve, commands exist, and the worked example works."""

import csv
import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments.cli import app
from experiments.homework.parts import PARTS
from experiments.scripts import digits_figure, readme_figure
from gan_jax.data.datasets import ImageDataset
from gan_jax.losses.adversarial import LOSSES, GanLoss, Targets
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import save_figure
from tests.conftest import SMALL_TRAIN
from tests.helpers.printed import SEEDS, Page, assert_printed, metrics_of
from tests.helpers.shipped import RESULTS
from tests.helpers.site import module_of_the_site
from tests.losses import test_adversarial

ROOT = Path(__file__).parent.parent
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").glob("*.md")), ROOT / "math_checks" / "README.md"]
WITHOUT_COMMANDS = {"api.md", "changelog.md", "contributing.md", "mathematics.md"}  # three show another file
OF_THE_SCRIPT = {"test", "lint", "docs", "notebook", "install", "lock"}
LINES = 15


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, those that the site generates among them, as GitHub forms them."""
    text = module_of_the_site("generated").fill_in(page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page):
    commands = set(re.findall(r"\./run\.sh ([a-z]\w*)", page.read_text(encoding="utf-8")))
    assert commands or page.name in WITHOUT_COMMANDS
    assert commands <= {*app, *OF_THE_SCRIPT}


@pytest.fixture
def variant(narrow_runs, tmp_path, monkeypatch, capsys, mnist) -> Iterator[list[str]]:
    """The output of the Python example in docs/extending.md, unchanged except for one epoch on few digits.

    The loss that it registers stays in the table until the test ends.
    """
    page = ROOT / "docs" / "extending.md"
    block, _ = re.findall(r"^```python\n(.+?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len([line for line in block.splitlines() if line]) < LINES
    assert "epochs=10" in block
    few = ImageDataset(*(array[:SMALL_TRAIN] for array in mnist))
    monkeypatch.setattr("gan_jax.api.load_images", lambda source: few)
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(LOSSES):
        exec(block.replace("epochs=10", "epochs=1"), {})
        yield capsys.readouterr().out.splitlines()


def test_a_variant_of_your_own(variant, call, tmp_path):
    """The variant is trained and compared, and its loss is the one described."""
    printed = dict(re.findall(r"^(\w+): D is right about ([\d.]+)% of the images$", "\n".join(variant), re.MULTILINE))
    assert list(printed) == ["non_saturating", "target_squares"]
    assert all(0 < float(share) <= 100 for share in printed.values())
    done = call("compare", *(tmp_path / "runs" / f"{loss}-10" for loss in printed), "--out", tmp_path)
    assert done.returncode == 0, done
    assert "D loss: not comparable, the runs minimize different functions" in done.stdout
    for targets in (Targets(), Targets(0.9, 0.1, 0.8)):
        assert_least_squares(LOSSES["target_squares"], targets)
        test_adversarial.test_every_loss_obeys_the_protocol("target_squares", targets)


def assert_least_squares(loss: GanLoss, targets: Targets) -> None:
    """Assert equation 9 of Mao et al. with D = 1/2 + logit: per logit (D - target) / n, to float64 round-off."""
    with jax.enable_x64(True):
        real, fake = jnp.linspace(-3.0, 3.0, 7), jnp.linspace(2.0, -4.0, 7)
        d_gradients = jax.grad(loss.discriminator, argnums=(0, 1))(real, fake, targets)
        g_gradients = jax.grad(loss.generator, argnums=(0, 1))(real, fake, targets)
        forms = (real + 0.5 - targets.real, fake + 0.5 - targets.fake, 0 * real, fake + 0.5 - targets.generator)
        for gradient, form in zip((*d_gradients, *g_gradients), forms, strict=True):
            assert gradient.dtype == jnp.float64
            np.testing.assert_allclose(gradient, form / 7, rtol=1e-14, atol=1e-15)


def test_the_numbers_that_the_example_printed_beside_the_seeds_of_part_a():
    quoted = Page("extending").quoted(r"three shipped seeds of `part_a` have (.+?) % then")
    accuracies = [100 * float(metrics_of(name)["discriminator_accuracy"][9]) for name in SEEDS]
    assert_printed(quoted, *accuracies)


def test_the_picture_shows_the_shipped_runs():
    figure = readme_figure.draw()
    for place, name in enumerate(readme_figure.FATES):
        metrics = RunDir(ROOT / "experiments" / "results" / name).read_metrics()
        line = figure.axes[len(readme_figure.FATES)].lines[place]
        expected = metrics["generator_gradient_norm"]
        np.testing.assert_allclose(np.asarray(line.get_ydata()), expected, rtol=1e-4)  # a chart has five digits


def pixels(picture: Path) -> np.ndarray:
    return np.asarray(Image.open(picture).convert("RGB"), float)


@pytest.mark.parametrize("name", ["front", "digits/digits"])
def test_the_shipped_pictures_are_of_the_shipped_runs(tmp_path, name):
    figure = readme_figure.draw()
    if name != "front":
        figure = digits_figure.draw({name: RESULTS / name for name in ("part_a", "part_c4")})
    save_figure(tmp_path / "drawn.png", figure)
    shipped, drawn = pixels(RESULTS / f"{name}.png"), pixels(tmp_path / "drawn.png")
    assert shipped.shape == drawn.shape
    # Another version of a font may shade some pixels of text differently; another run differs by tens.
    assert abs(shipped - drawn).mean() < 0.5


def test_the_comparison_of_the_parts_is_of_the_shipped_runs():
    with (RESULTS / "parts" / "comparison.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["run"] in PARTS]
    assert [row["run"] for row in rows] == list(PARTS)
    for row in rows:
        last = {name: float(column[-1]) for name, column in metrics_of(row["run"]).items()}
        for name in ("frechet", "precision", "recall", "digit_share_1", "generator_gradient_norm"):
            assert float(row[name]) == pytest.approx(last[name], rel=1e-12), (row["run"], name)


def test_the_examples_can_be_run_in_their_order(call, forget, narrow_runs, tmp_path, monkeypatch, mnist):
    """Each as it is written, but for one epoch on few digits, and runs in another directory."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^Each of these can be run after the others:\n\n```\n(.+?)^```$", text, re.M | re.S)
    few = ImageDataset(*(array[:SMALL_TRAIN] for array in mnist))
    for module in ("experiments.harness.inputs", "gan_jax.runs.verify", "gan_jax.api"):
        for name in ("load", "load_images"):
            if hasattr(sys.modules.get(module) or importlib.import_module(module), name):
                monkeypatch.setattr(f"{module}.{name}", lambda source: few)
    monkeypatch.chdir(ROOT)  # where the plugin is
    done = []
    for line in block.splitlines():
        _, command, *words = shlex.split(line, comments=True)
        words = ["1" if before == "--epochs" else word for before, word in zip(["", *words], words, strict=False)]
        if command in ("sample", "verify"):
            words[0] = str(tmp_path / words[0])
            words = [str(tmp_path / word) if word.endswith(".png") else word for word in words]
        else:
            words += ["--out", str(tmp_path)]
        result = call(command, *words)
        assert result.returncode == 0, (line, result)
        forget()
        done.append(command)
    assert done == ["part_a", "part_b", "part_a", "train", "train", "compare", "sample", "verify"]
    assert {"part_a", "part_b", "part_a-seed_0", "part_a-seed_2", "d4", "own"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert (tmp_path / "digits.png").is_file()
