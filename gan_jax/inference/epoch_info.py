"""Data of a finished epoch, for a callback of the user's."""

from collections.abc import Mapping
from dataclasses import dataclass

from jax import Array

from gan_jax.config import Config
from gan_jax.inference.pretrained import TrainedGenerator
from gan_jax.inference.sampling import sample_images
from gan_jax.types import Params


@dataclass(frozen=True)
class EpochInfo:
    """Data of an epoch that has been trained and saved: a copy, so that nothing done with it changes the run.

    >>> import gan_jax
    >>> def show(info: gan_jax.EpochInfo) -> None:
    ...     print(info.epoch, info.config.epochs, info.sample(count=4).shape, "generator_loss" in info.metrics)
    >>> few = gan_jax.ImageDataset(*(array[:1100] for array in gan_jax.load_dataset("mnist")))
    >>> config = gan_jax.Config(name="shown", dataset="archives", epochs=1)
    >>> run = gan_jax.train(config, few, progress=False, on_epoch_end=show)
    1 1 (4, 784) True
    """

    config: Config
    epoch: int  # from 1
    metrics: Mapping[str, float]  # the epoch's row of metrics.csv; with those of samples if they were evaluated
    params: Params  # of G: of its average, if the run has one

    def sample(self, count: int = 64, seed: int = 0) -> Array:
        """Sample images, float32 (count, 784) in [-1, 1], as `gan_jax.sample` does from the run after this epoch.

        Args:
            count: from 1 to 10 000; a larger count starts with the same images.
            seed: the seed of the latents.
        """
        return sample_images(TrainedGenerator(self.params, self.config, self.epoch, "", None), count, seed)
