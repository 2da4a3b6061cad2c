"""Every measurement of a set of generated images, against what is computed once from the real ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pixels import require_unit_range, to_unit_range
from gan_jax.evaluation.class_histogram import classes_covered, classifier_score, digit_histogram, kl_to_uniform
from gan_jax.evaluation.classifier import Parameters, classify
from gan_jax.evaluation.frechet import Moments, frechet_distance, moments
from gan_jax.evaluation.prdc import NEIGHBOURS, fidelity, knn_squared_radii, nearest

# Images on each side of the comparison with the training set: 1000 against 60 000 take a second on two cores, all
# 10 000 would take ten, and the mean of 1000 distances is already known to about 1 %.
NEAREST_QUERIES = 1000


class FeatureReference(NamedTuple):
    """Features and classes of the real images, by the classifier."""

    classifier: Parameters
    features: jax.Array  # float32 (m, 128), of the test set
    digits: np.ndarray  # int (m,), the classes that it sees there
    squared_radii: jax.Array  # float32 (m,), to the k-th nearest neighbour in the test set
    moments: Moments  # of the features of the test set
    # Classifier Fréchet distance of `samples` training images to the test set. The classifier has seen them in its own
    # training: this is what copying them reaches, and unseen digits may be nearer or farther.
    frechet_floor: float


class Reference(NamedTuple):
    """All that depends on the real images alone, for comparisons with a fixed number of samples."""

    samples: int  # n: the floor holds for this number of samples, and for no other
    train_pixels: jax.Array  # uint8 (n_train, 784)
    test_nearest: np.ndarray  # float32 (1000,), distances of test images to the nearest training image
    feature_reference: FeatureReference | None  # None where no classifier fits the data


class Evaluation(NamedTuple):
    """The measurements of n samples; those that need the classifier are None where none fits the data.

    Distances to the nearest training image are Euclidean, over 784 pixels in [-1, 1]; a ratio far below 1 says that the
    samples are closer to the training set than unseen digits are: memorised, or blander than digits. Near 0 they are
    copies.
    """

    n: int  # samples
    nearest_mean: float  # from the first 1000 samples to the nearest training image
    nearest_median: float
    held_out_nearest_mean: float  # from 1000 test images to the nearest training image
    held_out_nearest_median: float
    nearest_ratio: float  # median of the samples / median of the test images
    frechet: float | None = None  # classifier Fréchet distance to the test set, squared units of the features
    frechet_floor: float | None = None  # the same of n training images: what copying the training set reaches
    precision: float | None = None  # see `Fidelity`; k = 5, against the test set
    recall: float | None = None
    density: float | None = None
    coverage: float | None = None
    classifier_score: float | None = None  # 1 to 10
    classes_covered: int | None = None  # classes with 1 % or more of the samples, 1 to 10
    kl_to_uniform: float | None = None  # of the histogram, in nats, 0 to log 10
    digit_histogram: tuple[float, ...] | None = None  # the share of each class


def make_reference(
    train_pixels: np.ndarray, test_pixels: np.ndarray, classifier: Parameters | None, samples: int = 10_000
) -> Reference:
    """The reference for `evaluate` with `samples` samples, from images uint8 (n_train, 784) and (n_test, 784).

    `classifier` is `load_classifier()` for MNIST, `load_classifier(path)` for data that has a classifier of its own,
    and None for other data. MNIST's features are not used there: they tell digits apart, and their Fréchet distance,
    precision and coverage on clothes would be numbers without a meaning.

    Raises ValueError unless both sets and `samples` exceed k = 5, and `samples` is within the training set.
    """
    if not NEIGHBOURS < samples <= len(train_pixels) or len(test_pixels) <= NEIGHBOURS:
        raise ValueError(f"cannot compare {samples} samples with {len(train_pixels)} and {len(test_pixels)} images")
    training = jnp.asarray(train_pixels)
    held_out = _subset(test_pixels, NEAREST_QUERIES)
    return Reference(
        samples=samples,
        train_pixels=training,
        test_nearest=np.asarray(nearest(to_unit_range(held_out), training)[0]),
        feature_reference=None
        if classifier is None
        else _feature_reference(train_pixels, test_pixels, classifier, samples),
    )


def evaluate(samples: jax.Array, reference: Reference) -> Evaluation:
    """Measure samples float32 (n, 784) in [-1, 1]; about 5 s for n = 10 000 on two CPU cores.

    It draws nothing at random. Raises ValueError if n is not the reference's, or an image has another size or a value
    that is out of range or not a number.
    """
    if samples.shape != (reference.samples, reference.train_pixels.shape[1]):
        raise ValueError(f"samples of shape {samples.shape} for a reference of {reference.samples}")
    require_unit_range(samples, "samples")
    distances = np.asarray(nearest(samples[:NEAREST_QUERIES], reference.train_pixels)[0])
    held_out = reference.test_nearest
    evaluation = Evaluation(
        n=len(samples),
        nearest_mean=float(distances.mean()),
        nearest_median=float(np.median(distances)),
        held_out_nearest_mean=float(held_out.mean()),
        held_out_nearest_median=float(np.median(held_out)),
        nearest_ratio=float(np.median(distances) / np.median(held_out)),
    )
    return (
        evaluation
        if reference.feature_reference is None
        else _with_features(evaluation, samples, reference.feature_reference)
    )


def _feature_reference(
    train_pixels: np.ndarray, test_pixels: np.ndarray, classifier: Parameters, samples: int
) -> FeatureReference:
    features, logits = classify(classifier, to_unit_range(test_pixels))
    real, _ = classify(classifier, to_unit_range(_subset(train_pixels, samples)))
    of_test = moments(features)
    return FeatureReference(
        classifier=classifier,
        features=features,
        digits=np.argmax(logits, axis=1),
        squared_radii=knn_squared_radii(features),
        moments=of_test,
        frechet_floor=frechet_distance(moments(real), of_test),
    )


def _with_features(evaluation: Evaluation, samples: jax.Array, reference: FeatureReference) -> Evaluation:
    features, logits = classify(reference.classifier, samples)
    histogram = digit_histogram(logits)
    return evaluation._replace(
        frechet=frechet_distance(moments(features), reference.moments),
        frechet_floor=reference.frechet_floor,
        **fidelity(reference.features, reference.squared_radii, features)._asdict(),
        classifier_score=classifier_score(logits),
        classes_covered=classes_covered(histogram),
        kl_to_uniform=kl_to_uniform(histogram),
        digit_histogram=tuple(histogram.tolist()),
    )


def _subset(images: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` images drawn without replacement, always the same ones.

    Drawn, because MNIST's order means something: the two halves of the test set come from different groups of writers,
    and so do the even and the odd images of the training set. Every sixth training image is at a classifier Fréchet
    distance of 9 to 13 from the test set, a random sixth at 2.
    """
    drawn = np.random.default_rng(0).choice(len(images), min(count, len(images)), replace=False)
    return images[drawn]
