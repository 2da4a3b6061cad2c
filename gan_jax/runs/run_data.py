"""Data that a run is trained on and evaluated against, loaded when first needed."""

from collections.abc import Callable
from functools import cached_property

from gan_jax.data.datasets import ImageDataset
from gan_jax.evaluation import Reference, make_reference
from gan_jax.types import Params
from gan_jax.utils.hashing import tree_sha256

EVALUATED_SAMPLES = 10_000


class RunData:
    """The images, and the reference that samples are compared with; each is computed once, at its first use."""

    def __init__(
        self,
        load: Callable[[], ImageDataset],
        build_reference: Callable[[ImageDataset], Reference],
        classifier_sha256: str | None = None,
    ):
        self._load, self._build_reference = load, build_reference
        self.classifier_sha256 = classifier_sha256  # of the classifier's parameters; None without one

    @cached_property
    def dataset(self) -> ImageDataset:
        return self._load()

    @cached_property
    def reference(self) -> Reference:
        return self._build_reference(self.dataset)


def make_run_data(load: Callable[[], ImageDataset], classifier: Params | None) -> RunData:
    """Compare the images that `load` returns with 10 000 samples, by a classifier if one fits them."""

    def build_reference(dataset: ImageDataset) -> Reference:
        samples = min(EVALUATED_SAMPLES, len(dataset.train_images))
        return make_reference(dataset.train_images, dataset.test_images, classifier, samples)

    return RunData(load, build_reference, None if classifier is None else tree_sha256(classifier))
