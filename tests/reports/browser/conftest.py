"""Fixtures that open the report's page in a real browser; without one the tests here are skipped."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.homework import report
from gan_jax.config import Config
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.plotting.image_grid import grid
from gan_jax.runs import checkpoints
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from tests.reports.browser.opened import SHOWN, Opened, write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Keep the browser itself off the network, too.
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, mnist: ImageDataset) -> Path:
    """Some of the shipped results, and a run with a checkpoint after epoch 1, which the live generator uses.

    The checkpoint's networks are untrained; their weights are doubled so that images have contrast.
    """
    folder = tmp_path_factory.mktemp("runs")
    for name in SHOWN:
        (folder / name).symlink_to(report.SHIPPED / name)
    run, config = RunDir(folder / "live"), Config(name="live", epochs=1)
    run.write_config(config)
    [row] = RunDir(report.SHIPPED / "part_a").read_rows()[:1]
    run.write_rows([row])
    run.write_sample(1, grid(np.asarray(to_unit_range(mnist.train_images[:64]))))
    state = initial_state(config)
    generator, discriminator = jax.tree.map(lambda leaf: 2 * leaf, (state.generator, state.discriminator))
    checkpoints.save(
        run.checkpoints, state._replace(generator=generator, discriminator=discriminator, epoch=jnp.int32(1))
    )
    return folder


@pytest.fixture(scope="session")
def file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(folder, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Its directory is a temporary one made by playwright; as root, as in CI, its sandbox does not start.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET, chromium_sandbox=False)
        yield started
        started.close()


@pytest.fixture(scope="module")
def opened(browser, file) -> Iterator[Opened]:
    found = Opened(browser, file)
    yield found
    found.context.close()


@pytest.fixture
def page(opened):
    return opened.page
