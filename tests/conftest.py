"""Fixtures for every test: JAX's checkers, a compilation cache for the whole suite, and real digits."""

# ruff: noqa: E402 (the environment is set before JAX is imported)

import contextlib
import ctypes
import gc
import gzip
import importlib.util
import math
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Set before JAX is imported, here and in the processes that tests start.
os.environ["JAX_DEBUG_KEY_REUSE"] = "1"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
# Programs in tests run for a moment and take longer to compile: without most optimizations and, where XLA still has it,
# with its older emitter of fused operations, compiling takes a third of the time. `optimized` compiles them as for
# users.
USERS_FLAGS = os.environ.setdefault(
    "TESTS_USERS_XLA_FLAGS", os.environ.get("XLA_FLAGS", "")
)  # kept for xdist's workers
QUICK_FLAGS = f"{USERS_FLAGS} --xla_cpu_use_fusion_emitters=false".lstrip()
_TAKES = [sys.executable, "-c", "from jaxlib import xla_client; xla_client.make_cpu_client()"]
# XLA aborts on an unknown flag, and jax 0.12 no longer knows this one.
HAS_OLD_EMITTERS = (
    subprocess.run(_TAKES, env=os.environ | {"XLA_FLAGS": QUICK_FLAGS}, capture_output=True).returncode == 0
)
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
os.environ["XLA_FLAGS"] = QUICK_FLAGS if HAS_OLD_EMITTERS else USERS_FLAGS

import hypothesis
import jax
import numpy as np
from jax._src import compiler

from experiments import cli
from gan_jax.analysis.glossary import MEANINGS
from gan_jax.analysis.metrics import MEASUREMENTS, METRICS
from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.data.datasets import ARCHIVES, ImageDataset, load_archives
from gan_jax.losses.adversarial import LOSSES
from gan_jax.losses.gradient_penalty import PENALTIES
from gan_jax.runs import plugins
from tests.helpers.command import Done
from tests.helpers.narrow import narrow_networks

# No deadline, since machines are shared. Derandomized, so that a failure can be reproduced.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")

# Files that need the extra `test`, which an environment for the numeric tests alone lacks.
NEED_TORCH = [
    "test_readme.py",
    "evaluation/test_classifier.py",
    "experiments/test_torch_baseline.py",
    "losses/test_adversarial.py",
    *(f"models/test_{name}.py" for name in ("mlp", "spectral_norm")),
    *(f"training/test_{name}.py" for name in ("parity", "penalized_steps")),
]
HAS_TORCH = importlib.util.find_spec("torch") is not None
collect_ignore = [] if HAS_TORCH else NEED_TORCH

SMALL_TRAIN, SMALL_TEST = 1100, 300  # two batches of 512 and a remainder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_report_header() -> str | None:
    return None if HAS_TORCH else f"without torch, and so without {', '.join(collect_ignore)}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With -m numeric, import only files with this mark: others need packages that may be missing."""
    if config.option.markexpr != "numeric":
        return None
    files = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return None if any("pytest.mark.numeric" in file.read_text(encoding="utf-8") for file in files) else True


# The slowest files first, so that both workers end at about the same time.
LONGEST = [
    f"test_{name}.py"
    for name in [
        "session",
        "trainer",
        "study",
        "variants",
        "reproducibility",
        "options",
        "bench",
        "faults",
        "sharding",
        "notebook",
        "exercise_notebooks",
        "parity",
        "soak",
        "pdf_pages",
        "evaluate",
        "verify",
        "readme",
        "security",
        "mode_coverage",
        "saturation",
    ]
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: run by ./run.sh test --slow"))


PEAKS: list[float] = []  # one per process that ran tests; NaN for a process that was lost


def peak() -> int:
    """Return the peak memory of this process or of any process that it started, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)  # what an xdist worker reports
    if output is not None:
        output["peak"] = peak()
    elif not session.config.getoption("numprocesses", default=None):
        PEAKS.append(peak())


@pytest.hookimpl(optionalhook=True)  # a hook of xdist
def pytest_testnodedown(node: Any) -> None:
    PEAKS.append(getattr(node, "workeroutput", {}).get("peak", math.nan))


def pytest_unconfigure(config: pytest.Config) -> None:
    if PEAKS and not hasattr(config, "workeroutput"):
        lost = any(math.isnan(peak) for peak in PEAKS)
        print(
            "peak memory: unknown, since a process was lost"
            if lost
            else f"peak memory: {max(PEAKS) / 1e9:.1f} GB per process"
        )


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache directory of the whole suite, shared by its processes: prepared data and compiled programs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder / "gan_jax" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return folder


@pytest.fixture(scope="module", autouse=True)
def clear_programs_after_each_file() -> Iterator[None]:
    """Drop a file's compiled programs after it, which would add up to gigabytes, and return the memory."""
    yield
    jax.clear_caches()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def users_code() -> Iterator[None]:
    """Compile as for users, here and in child processes, for tests that depend on what the compiler does."""

    def get_compile_options(*arguments: Any, env_options_overrides: dict | None = None, **more: Any) -> Any:
        options = {"xla_cpu_use_fusion_emitters": True, **(env_options_overrides or {})}
        return original(*arguments, env_options_overrides=options, **more)

    original = compiler.get_compile_options  # jax.jit takes options per function only, so they cannot be set for all
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("JAX_DISABLE_MOST_OPTIMIZATIONS")
        patched.setenv("XLA_FLAGS", USERS_FLAGS)
        if HAS_OLD_EMITTERS:
            patched.setattr(compiler, "get_compile_options", get_compile_options)
        yield
    jax.config.update("jax_disable_most_optimizations", True)
    jax.clear_caches()


@pytest.fixture(scope="module")
def optimized() -> Iterator[None]:
    """Apply `users_code` from the first test that asks for it to the end of its file."""
    with users_code():
        yield


@pytest.fixture
def optimized_here() -> Iterator[None]:
    """Apply `users_code` for one test."""
    with users_code():
        yield


@pytest.fixture(scope="module")
def narrow_runs() -> Iterator[None]:
    """Narrow the networks of whole runs, where it does not matter what is trained; width is no hyperparameter here.

    From the first test that asks for it to the end of its file.
    """
    jax.clear_caches()  # programs are cached by their hyperparameters, which do not include the sizes
    with pytest.MonkeyPatch.context() as patched:
        narrow_networks(patched)
        yield


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Done]:
    """Run the command line in this process, which saves some seconds of start-up."""

    def main(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["experiments", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Done(ended.value.code, captured.out, captured.err)

    return main


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write a gzipped IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), 1))


def write_small_archives(folder: Path, mnist: ImageDataset) -> None:
    """Write four archives with the first of the real digits, enough to train on in seconds."""
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
    """The directory that `write_small_archives` has filled."""
    folder = tmp_path_factory.mktemp("archives")
    write_small_archives(folder, mnist)
    return folder


@pytest.fixture
def own_tables() -> Iterator[None]:
    """Take what a test registers, losses, penalties, metrics and plugins, out of the tables after it."""
    known = [plugins._loaded, plugins._places, plugins._registered]
    tables: list[Any] = [LOSSES, PENALTIES, METRICS, MEANINGS, OWN_METRICS, *known]
    before, charted = [dict(table) for table in tables], list(MEASUREMENTS)
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)
    MEASUREMENTS[:] = charted


@pytest.fixture
def forget(own_tables) -> Callable[[], None]:
    """Return a function that forgets the example plugin, as a new process knows none."""

    def forget() -> None:
        for name in ("squares", "mine"):
            LOSSES.pop(name, None)
        PENALTIES.pop("flat", None)
        plugins._forget_metrics("least_squares_plugin.py")
        for table in (plugins._loaded, plugins._places, plugins._registered):
            table.clear()

    return forget
