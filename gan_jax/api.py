"""Functions for notebooks: load images, train, sample, evaluate, compare and report, without the command line."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np

from gan_jax import evaluation
from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.analysis.own_metrics import register_metric as register_metric  # for `gan_jax`
from gan_jax.config import ARCHIVES_DATASET, Config
from gan_jax.config import Hyperparameters as Hyperparameters  # for `gan_jax`
from gan_jax.data import DATASETS
from gan_jax.data.datasets import ImageDataset, load_archives, require_bytes
from gan_jax.data.datasets import load as load_images
from gan_jax.data.pixels import as_images, to_unit_range
from gan_jax.errors import require
from gan_jax.evaluation import Evaluation, Modes, Reference, load_classifier, make_reference
from gan_jax.inference.epoch_info import EpochInfo as EpochInfo  # for `gan_jax`
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.sampling import sample_images
from gan_jax.models.mlp import IMAGE_SIZE
from gan_jax.runs import comparison, frames, trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.comparison import Comparison as Comparison
from gan_jax.runs.find_run import find_run
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.plugins import load_plugin as load_plugin  # for `gan_jax`
from gan_jax.runs.progress import progress_callbacks
from gan_jax.runs.run_data import make_run_data
from gan_jax.runs.run_dir import MetricsRow, RunDir
from gan_jax.schedules import Schedule as Schedule
from gan_jax.types import DEFAULT_PRETRAINED, Params, Pretrained

if TYPE_CHECKING:
    import pandas as pd

Run = RunDir | str | Path  # from `train`, or its directory, or its name in RUNS; for `sample` also an exported file
RUNS = "runs"  # where `train` puts them unless it is told otherwise

SILENT = Callbacks(log=lambda _: None, on_train_start=lambda *_: None, on_epoch_end=lambda _: None)


def load_dataset(source: str | Path = "mnist") -> ImageDataset:
    """Load images and labels of "mnist", "fashion_mnist" or "kmnist", or of the four IDX archives in a directory.

    Raises UserError if they cannot be loaded. Images in other formats are given as an `ImageDataset`.

    >>> import gan_jax
    >>> digits = gan_jax.load_dataset("mnist")
    >>> digits.train_images.shape, digits.test_labels[:5].tolist()
    ((60000, 784), [7, 2, 1, 0, 4])
    """
    own = isinstance(source, Path) or (source not in DATASETS and Path(source).is_dir())
    return load_archives(Path(source)) if own else load_images(str(source))


def train(
    config: Config,
    dataset: ImageDataset | None = None,
    *,
    out: str | Path = RUNS,
    trainer_options: TrainerOptions | None = None,
    progress: bool = True,
    on_epoch_end: Callable[[EpochInfo], None] | None = None,
) -> RunDir:
    """Train a run, or resume it, and return its directory, `out/config.name`.

    Args:
        config: the run's configuration.
        dataset: the caller's own images, for a configuration with dataset="archives"; None for those that it names.
        out: the parent directory of the runs, created if missing.
        trainer_options: how often to save checkpoints, and to evaluate and draw samples.
        progress: True to print the metrics of the samples and to show a progress bar, or where the output is a file or
            a pipe, a line for each epoch.
        on_epoch_end: called after each epoch that is trained, also of a resumed run. It cannot change the run. If it
            raises an error, the run is saved and the error goes on: the same call resumes with the next epoch.

    Raises:
        DivergedError: if a loss or gradient is no longer finite.
        UserError: if the directory belongs to another run, or the images do not fit.
        StoppedError: after an interrupt, once the current epoch is trained and saved: the same call resumes there.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> config = gan_jax.Config(name="few", dataset="archives", epochs=2)
    >>> run = gan_jax.train(config, few, progress=False)
    >>> run.read_metrics()["epoch"].tolist()
    [1.0, 2.0]
    """
    require(isinstance(config, Config), f"train needs a gan_jax.Config, not {type(config).__name__}")
    own = config.dataset == ARCHIVES_DATASET
    require(own or dataset is None, f'your own images need Config(dataset="{ARCHIVES_DATASET}")')
    require(not own or dataset is not None, f'Config(dataset="{ARCHIVES_DATASET}") needs your own images')
    if dataset is not None:
        require_bytes(dataset)
    classifier = load_classifier() if config.dataset == "mnist" else None
    run_data = make_run_data(lambda: load_dataset(config.dataset) if dataset is None else dataset, classifier)
    options, callbacks = trainer_options or TrainerOptions(), progress_callbacks() if progress else SILENT
    if on_epoch_end is not None:
        callbacks = replace(callbacks, on_generator=_info_for(on_epoch_end))
    return trainer.train([config], run_data, Path(out), options, callbacks, together=False)[0]


def _info_for(on_epoch_end: Callable[[EpochInfo], None]) -> Callable[[Config, Params, MetricsRow], None]:
    """Make the trainer's callback from the user's."""
    return lambda config, params, row: on_epoch_end(EpochInfo(config, int(row["epoch"]), row, params))


def sample(
    run: Run | None = None,
    count: int = 64,
    seed: int = 0,
    *,
    pretrained: Pretrained = DEFAULT_PRETRAINED,
) -> jax.Array:
    """Sample images, float32 (count, 784) in [-1, 1], from a trained generator; a larger count starts with the same.

    Args:
        run: a run from `train`, its directory, its name in "runs", or a file written by `./run.sh export`; None for a
            shipped generator.
        count: from 1 to 10 000.
        seed: the seed of the latents, from 0 to 2**32 - 1.
        pretrained: the shipped generator, "part_best" or "part_a", each after 100 epochs.

    Raises UserError if there is no such generator.

    >>> import gan_jax
    >>> images = gan_jax.sample(count=16, seed=3)
    >>> images.shape, bool(abs(images).max() <= 1)
    ((16, 784), True)
    """
    path = None if run is None else _paths(run)[0]
    return sample_images(load_generator(path, pretrained), count, seed)


def evaluate(samples: jax.Array, dataset: ImageDataset | None = None, *, digits: bool = True) -> Evaluation:
    """Evaluate images, float32 (n, 784) in [-1, 1], against real ones, in seconds (docs/measurements.md: the values).

    Args:
        samples: n must exceed 5. Only evaluations of equal n can be compared: 10 000 are usual.
        dataset: the real images; by default MNIST.
        digits: True for handwritten digits, which the shipped classifier can classify.

    Raises UserError for images of another shape, type or range, for NaN, and for too few images of either kind.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> found = gan_jax.evaluate(gan_jax.sample(count=500), few)
    >>> found.n, found.recall < found.precision  # its digits look real, but are less diverse
    (500, True)
    """
    samples = as_images(samples, "samples")
    fits = samples.ndim == 2 and samples.shape[1] == IMAGE_SIZE
    require(fits, f"samples have the shape {samples.shape}, not (n, 784): samples.reshape(len(samples), -1)")
    if dataset is None:
        reference = _mnist_reference(len(samples))
    else:
        require_bytes(dataset)
        reference = _reference(dataset, len(samples), digits)
    return evaluation.evaluate(samples, reference, own=OWN_METRICS)


def compare(runs: Run | Sequence[Run], out: str | Path | None = None) -> Comparison:
    """Compare runs after their last epoch, as `./run.sh compare` does; runs that differ in the seed alone are grouped.

    Args:
        runs: runs from `train`, their directories, or their names in "runs", those of the baseline first.
        out: directory in which to write comparison.csv, .md and .png; None to write nothing.

    Returns:
        The tables as numbers. Print it to see them; `to_pandas()` makes a data frame.

    Raises:
        UserError: if there is no such run, none is given, one is given twice, or `out` cannot be written.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> configs = [gan_jax.Config(name=f"few-seed_{seed}", seed=seed, dataset="archives", epochs=1) for seed in (0, 1)]
    >>> found = gan_jax.compare([gan_jax.train(config, few, progress=False) for config in configs])
    >>> found.seeds, found.values["few"]["generator_loss"].n
    ({'few': [0, 1]}, 2)
    """
    found = [comparison.read_run(path) for path in _paths(runs)]
    return comparison.compare(found, None if out is None else Path(out))


def metrics_frame(runs: Run | Sequence[Run]) -> "pd.DataFrame":
    """Return the metrics of runs as one data frame of pandas, a row for each run and epoch.

    Args:
        runs: runs from `train`, their directories, or their names in "runs".

    Returns:
        Columns: run, the name; seed; then each field of the configuration in which the runs differ; then the columns of
        metrics.csv, NaN where a metric was not measured.

    Raises:
        UserError: if there is no such run, none is given, or pandas is not installed.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> slow = gan_jax.Hyperparameters(learning_rate=1e-4)
    >>> configs = [gan_jax.Config(name="usual", dataset="archives", epochs=1),
    ...            gan_jax.Config(name="slow", dataset="archives", epochs=1, hparams=slow)]
    >>> frame = gan_jax.metrics_frame([gan_jax.train(config, few, progress=False) for config in configs])
    >>> frame[["run", "seed", "learning_rate", "epoch"]].values.tolist()
    [['usual', 0, 0.0002, 1.0], ['slow', 0, 0.0001, 1.0]]
    """
    return frames.metrics_frame(_paths(runs))


def report(runs: Run | Sequence[Run], out: str | Path) -> Path:
    """Write one HTML page of runs: charts, samples, tables, and a generator that draws in the browser.

    Args:
        runs: runs from `train`, their directories, or their names in "runs".
        out: the file, which ends in .html; an existing one is replaced.

    Returns:
        The file's path.

    Raises:
        UserError: if there is no such run, none is given, `out` cannot be written, or the extra `report` (jinja2) is
            not installed.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> run = gan_jax.train(gan_jax.Config(name="few", dataset="archives", epochs=1), few, progress=False)
    >>> "<title>" in gan_jax.report(run, "few.html").read_text()
    True
    """
    from gan_jax.reports.run_report import write_report  # takes time to import, which training need not spend

    return write_report([comparison.read_run(path) for path in _paths(runs)], Path(out))


def count_modes(samples: jax.Array, dataset: ImageDataset | None = None) -> Modes:
    """Count the modes of any generator of stacked digits: three digits have the 1000 modes of Stacked MNIST.

    The protocol is that of Metz et al. (2017, arXiv:1611.02163) and PacGAN (2018, arXiv:1712.04086), with 25 600 or
    26 000 samples; the shipped classifier reads each digit.

    Args:
        samples: float32 (n, digits * 784) in [-1, 1], with 1 to 4 digits, one channel after the other. Images
            (n, 28, 28, 3) are converted by `jnp.moveaxis(images, 3, 1).reshape(n, -1)`.
        dataset: the data whose test images the real digit tuples are drawn from; by default MNIST.

    Raises UserError for images of another shape, type or range, and for NaN.

    >>> import gan_jax
    >>> numbers = gan_jax.sample(count=600).reshape(200, 3 * 784)  # independent digits as channels
    >>> found = gan_jax.count_modes(numbers)
    >>> found.n, 100 < found.modes < 200, found.modes_kl > found.digits_kl
    (200, True, True)
    """
    samples = as_images(samples, "images")
    evaluation.validate_stacked(samples)  # before work that takes seconds
    if dataset is not None:
        require_bytes(dataset)
    real = _mnist_digits() if dataset is None else _digits(dataset)
    return evaluation.count_modes(load_classifier(), real, samples)


def _paths(runs: Run | Sequence[Run]) -> list[Path]:
    """Find the directories of one run or several. Raises UserError if there is no such run, or none is given."""
    several = [runs] if isinstance(runs, RunDir | str | Path) else list(runs)
    require(bool(several), "give one run at least")
    return [find_run(run.path if isinstance(run, RunDir) else Path(run), Path(RUNS)) for run in several]


@lru_cache(maxsize=1)
def _mnist_digits() -> np.ndarray:
    return _digits(load_dataset("mnist"))


def _digits(dataset: ImageDataset) -> np.ndarray:
    """Classify the test images: int (n,)."""
    return np.argmax(evaluation.classify(load_classifier(), to_unit_range(dataset.test_images))[1], axis=1)


@lru_cache(maxsize=1)
def _mnist_reference(samples: int) -> Reference:
    return _reference(load_dataset("mnist"), samples, digits=True)


def _reference(dataset: ImageDataset, samples: int, digits: bool) -> Reference:
    classifier = load_classifier() if digits else None
    return make_reference(dataset.train_images, dataset.test_images, classifier, samples)
