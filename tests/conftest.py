"""What every test stands on: JAX's checkers on, a cache of the suite's own, and real digits."""

import gzip
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Before JAX is imported, here and in the processes that tests start.
os.environ["JAX_DEBUG_KEY_REUSE"] = "1"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

import hypothesis
import jax
import numpy as np

from experiments import cli
from gan_jax.data.datasets import ARCHIVES, ImageDataset, load_archives
from tests.command import Done

# Shared machines: no deadline. The same examples every time: a failure can be run again.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")

# The archive to hand in has no results, and so none of the tests that read them.
HAS_RESULTS = (Path(cli.__file__).parent / "results" / "part_a").is_dir()
OF_THE_RESULTS = [
    "browser",
    *(
        f"test_{name}.py"
        for name in ["homework", "improvements_numbers", "readme", "readme_numbers", "reasons", "reporting"]
    ),
]
collect_ignore = [] if HAS_RESULTS else OF_THE_RESULTS

SMALL_TRAIN, SMALL_TEST = 1100, 300  # 1100: two batches of 512 and a rest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_report_header() -> str | None:
    return None if HAS_RESULTS else f"without experiments/results, and so without {', '.join(collect_ignore)}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: run by ./run.sh test --slow"))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder for the whole suite: prepared data and compiled programs, shared by its processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder / "gan_jax" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return folder


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Done]:
    """The command line in this process, which saves its start of some seconds."""

    def main(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["experiments", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Done(ended.value.code, captured.out, captured.err)

    return main


def write_idx(path: Path, values: np.ndarray) -> None:
    """A gzipped IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), 1))


def write_small_archives(folder: Path, mnist: ImageDataset) -> None:
    """Four archives with the first digits of the real ones: what a test can train on in seconds."""
    for prefix, images, labels, count in (
        ("train", mnist.train_images, mnist.train_labels, SMALL_TRAIN),
        ("t10k", mnist.test_images, mnist.test_labels, SMALL_TEST),
    ):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", images[:count].reshape(-1, 28, 28))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels[:count])


@pytest.fixture(scope="session")
def mnist() -> ImageDataset:
    """The real MNIST, from the package's archives."""
    return load_archives(ARCHIVES)


@pytest.fixture(scope="session")
def small_archives(tmp_path_factory: pytest.TempPathFactory, mnist: ImageDataset) -> Path:
    """A folder of `write_small_archives`."""
    folder = tmp_path_factory.mktemp("archives")
    write_small_archives(folder, mnist)
    return folder
