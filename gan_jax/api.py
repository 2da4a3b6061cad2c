"""Functions for notebooks: load images, train, sample and evaluate, without the command line."""

from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import evaluation
from gan_jax.config import ARCHIVES_DATASET, Config
from gan_jax.config import Hyperparameters as Hyperparameters  # for `gan_jax`
from gan_jax.data.datasets import ImageDataset, load_archives, require_bytes
from gan_jax.data.datasets import load as load_images
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import require
from gan_jax.evaluation import Evaluation, Modes, Reference, load_classifier, make_reference
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.sampling import sample_images
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.progress import bar
from gan_jax.runs.run_data import make_run_data
from gan_jax.runs.run_dir import RunDir
from gan_jax.schedules import Schedule as Schedule
from gan_jax.types import DEFAULT_PRETRAINED, Pretrained

SILENT = Callbacks(log=lambda _: None, on_train_start=lambda *_: None, on_epoch_end=lambda _: None)


def load_dataset(source: str | Path = "mnist") -> ImageDataset:
    """Load images and labels of "mnist", "fashion_mnist" or "kmnist", or of the four IDX archives in a Path.

    Raises UserError if they cannot be loaded.

    >>> import gan_jax
    >>> digits = gan_jax.load_dataset("mnist")
    >>> digits.train_images.shape, digits.test_labels[:5].tolist()
    ((60000, 784), [7, 2, 1, 0, 4])
    """
    return load_archives(source) if isinstance(source, Path) else load_images(source)


def train(
    config: Config,
    dataset: ImageDataset | None = None,
    *,
    out: str | Path = "runs",
    trainer_options: TrainerOptions | None = None,
    progress: bool = True,
) -> RunDir:
    """Train a run, or resume it, and return its directory, `out/config.name`.

    Args:
        config: the run's configuration.
        dataset: the caller's own images, for a configuration with dataset="archives"; None for those that it names.
        out: the parent directory of the runs, created if missing.
        trainer_options: how often to save checkpoints, and to evaluate and draw samples.
        progress: True to show a progress bar and to print the metrics of the samples.

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
    own = config.dataset == ARCHIVES_DATASET
    require(own or dataset is None, f'your own images need Config(dataset="{ARCHIVES_DATASET}")')
    require(not own or dataset is not None, f'Config(dataset="{ARCHIVES_DATASET}") needs your own images')
    if dataset is not None:
        require_bytes(dataset)
    classifier = load_classifier() if config.dataset == "mnist" else None
    run_data = make_run_data(lambda: load_dataset(config.dataset) if dataset is None else dataset, classifier)
    options, callbacks = trainer_options or TrainerOptions(), bar() if progress else SILENT
    return trainer.train([config], run_data, Path(out), options, callbacks, together=False)[0]


def sample(
    run: RunDir | str | Path | None = None,
    count: int = 64,
    seed: int = 0,
    *,
    pretrained: Pretrained = DEFAULT_PRETRAINED,
) -> jax.Array:
    """Sample images, float32 (count, 784) in [-1, 1], from a trained generator; a larger count starts with the same.

    Args:
        run: a run from `train`, its directory or a file written by `./run.sh export`; None for a shipped generator.
        count: from 1 to 10 000.
        seed: the seed of the latents, from 0 to 2**32 - 1.
        pretrained: the shipped generator, "part_best" or "part_a", each after 100 epochs.

    Raises UserError if there is no such generator.

    >>> import gan_jax
    >>> images = gan_jax.sample(count=16, seed=3)
    >>> images.shape, bool(abs(images).max() <= 1)
    ((16, 784), True)
    """
    path = run.path if isinstance(run, RunDir) else run
    return sample_images(load_generator(None if path is None else Path(path), pretrained), count, seed)


def evaluate(samples: jax.Array, dataset: ImageDataset | None = None, *, digits: bool = True) -> Evaluation:
    """Evaluate images, float32 (n, 784) in [-1, 1], against real ones, in seconds (docs/measurements.md: the values).

    Args:
        samples: n must exceed 5. Only evaluations of equal n can be compared: 10 000 are usual.
        dataset: the real images; by default MNIST.
        digits: True for handwritten digits, which the shipped classifier can classify.

    Raises ValueError for images of another shape or range, and for too few of either kind.

    >>> import gan_jax
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> found = gan_jax.evaluate(gan_jax.sample(count=500), few)
    >>> found.n, found.recall < found.precision  # its digits look real, but are less diverse
    (500, True)
    """
    reference = _mnist_reference(len(samples)) if dataset is None else _reference(dataset, len(samples), digits)
    return evaluation.evaluate(jnp.asarray(samples), reference)


def count_modes(samples: jax.Array, dataset: ImageDataset | None = None) -> Modes:
    """Count the modes of any generator of stacked digits: three digits have the 1000 modes of Stacked MNIST.

    The protocol is that of Metz et al. (2017, arXiv:1611.02163) and PacGAN (2018, arXiv:1712.04086), with 25 600 or
    26 000 samples; the shipped classifier reads each digit.

    Args:
        samples: float32 (n, digits * 784) in [-1, 1], with 1 to 4 digits, one channel after the other. Images
            (n, 28, 28, 3) are converted by `jnp.moveaxis(images, 3, 1).reshape(n, -1)`.
        dataset: the data whose test images the real digit tuples are drawn from; by default MNIST.

    Raises ValueError for images of another shape or range.

    >>> import gan_jax
    >>> numbers = gan_jax.sample(count=600).reshape(200, 3 * 784)  # independent digits as channels
    >>> found = gan_jax.count_modes(numbers)
    >>> found.n, 100 < found.modes < 200, found.modes_kl > found.digits_kl
    (200, True, True)
    """
    evaluation.validate_stacked(samples)  # before work that takes seconds
    real = _mnist_digits() if dataset is None else _digits(dataset)
    return evaluation.count_modes(load_classifier(), real, jnp.asarray(samples))


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
