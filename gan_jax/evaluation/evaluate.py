"""Evaluation of generated images by all metrics, against a reference that is computed once from real images."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.pixels import require_unit_range, to_unit_range
from gan_jax.errors import UserError
from gan_jax.evaluation.by_digit import DiscriminatorFns, measure_by_digit
from gan_jax.evaluation.class_histogram import classes_covered, classifier_score, digit_histogram, kl_to_uniform
from gan_jax.evaluation.classifier import classify
from gan_jax.evaluation.frechet import Moments, frechet_distance, moments
from gan_jax.evaluation.own_metrics import SampleFunction, measure_own
from gan_jax.evaluation.prdc import NEIGHBORS, knn_squared_radii, nearest, prdc_scores
from gan_jax.types import Params

# Samples, and test images, that are compared with the training set: 1000 against 60 000 take 1 s on two cores, all
# 10 000 would take 10 s, and the standard error of the mean of 1000 distances is already about 1 %.
NEAREST_QUERIES = 1000


class FeatureReference(NamedTuple):
    """Results of the classifier on real images."""

    classifier: Params
    test_pixels: np.ndarray  # uint8 (m, 784)
    features: jax.Array  # float32 (m, 128), of the test set
    digits: np.ndarray  # int (m,), predicted classes of the test set
    squared_radii: jax.Array  # float32 (m,), squared distances to the k-th nearest neighbor in the test set
    moments: Moments  # of the features of the test set
    # Classifier Fréchet distance of `samples` training images to the test set: the score of a generator that copies its
    # training images. The classifier was trained on them; unseen digits may score lower or higher.
    frechet_floor: float


class Reference(NamedTuple):
    """Precomputed results on real images, for comparison with a fixed number of samples."""

    samples: int  # n; the Fréchet floor is valid only for this number of samples
    train_pixels: jax.Array  # uint8 (n_train, 784)
    test_nearest: np.ndarray  # float32 (1000,), distances of test images to the nearest training image
    feature_reference: FeatureReference | None  # None if no classifier fits the data


class Evaluation(NamedTuple):
    """Metrics of n samples; those that need a classifier are None if none fits the data.

    Distances to the nearest training image are Euclidean, over 784 pixels in [-1, 1]. A ratio far below 1 means that
    the samples are closer to the training set than unseen digits are: they are memorized, or blurrier than digits. Near
    0 they are copies.
    """

    n: int  # samples
    nearest_mean: float  # from the first 1000 samples to the nearest training image
    nearest_median: float
    held_out_nearest_mean: float  # from 1000 test images to the nearest training image
    held_out_nearest_median: float
    nearest_ratio: float  # median of the samples / median of the test images
    frechet: float | None = None  # classifier Fréchet distance to the test set, squared units of the features
    frechet_floor: float | None = None  # the same for n training images: the score of copying the training set
    precision: float | None = None  # see `PRDC`; k = 5, against the test set
    recall: float | None = None
    density: float | None = None
    coverage: float | None = None
    classifier_score: float | None = None  # 1 to 10
    classes_covered: int | None = None  # classes with 1 % or more of the samples, 1 to 10
    kl_to_uniform: float | None = None  # of the class histogram, in nats, 0 to log 10
    digit_histogram: tuple[float, ...] | None = None  # share of each class
    by_digit: Mapping[str, float] | None = None  # see `measure_by_digit`; None without a discriminator
    own: Mapping[str, float] | None = None  # the user's own metrics; None if there are none


def make_reference(
    train_pixels: np.ndarray, test_pixels: np.ndarray, classifier: Params | None, samples: int = 10_000
) -> Reference:
    """Compute the reference for `evaluate`.

    Args:
        train_pixels: uint8 (n_train, 784).
        test_pixels: uint8 (n_test, 784), n_test > 5.
        classifier: `load_classifier()` for MNIST, `load_classifier(path)` for data with a separate classifier, None for
            other data: MNIST's features distinguish digits, and would give meaningless scores on, say, clothes.
        samples: number of samples to evaluate, above 5 and at most n_train.

    Raises:
        UserError: if a number of images is out of range.
    """
    if not NEIGHBORS < samples <= len(train_pixels) or len(test_pixels) <= NEIGHBORS:
        found = f"{len(train_pixels)} training and {len(test_pixels)} test images"
        needed = f"Each must be more than {NEIGHBORS}, and the samples no more than the training images."
        raise UserError(f"cannot compare {samples} samples with {found}. {needed}")
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


def evaluate(
    samples: jax.Array,
    reference: Reference,
    discriminator: DiscriminatorFns | None = None,
    own: Mapping[str, SampleFunction] | None = None,
) -> Evaluation:
    """Evaluate samples, without randomness; n = 10 000 take about 5 s on two CPU cores.

    Args:
        samples: float32 (n, 784) in [-1, 1], n as given to `make_reference`.
        reference: the result of `make_reference`.
        discriminator: the D that the samples' generator was trained with, to be measured digit by digit, too.
        own: the user's own metrics, functions of the samples by column.

    Raises:
        UserError: if the samples have another shape, or values that are out of range or NaN; also if a metric of the
            user's own does not return a finite number.
    """
    if samples.shape != (reference.samples, reference.train_pixels.shape[1]):
        expected = (reference.samples, reference.train_pixels.shape[1])
        raise UserError(f"samples have the shape {samples.shape}, but the reference is for {expected}")
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
        own=measure_own(samples, own) if own else None,
    )
    return (
        evaluation
        if reference.feature_reference is None
        else _with_features(evaluation, samples, reference.feature_reference, discriminator)
    )


def _feature_reference(
    train_pixels: np.ndarray, test_pixels: np.ndarray, classifier: Params, samples: int
) -> FeatureReference:
    features, logits = classify(classifier, to_unit_range(test_pixels))
    train_features, _ = classify(classifier, to_unit_range(_subset(train_pixels, samples)))
    test_moments = moments(features)
    return FeatureReference(
        classifier=classifier,
        test_pixels=test_pixels,
        features=features,
        digits=np.argmax(logits, axis=1),
        squared_radii=knn_squared_radii(features),
        moments=test_moments,
        frechet_floor=frechet_distance(moments(train_features), test_moments),
    )


def _with_features(
    evaluation: Evaluation, samples: jax.Array, reference: FeatureReference, discriminator: DiscriminatorFns | None
) -> Evaluation:
    features, logits = classify(reference.classifier, samples)
    histogram = digit_histogram(logits)
    if discriminator is not None:
        digits = np.argmax(logits, axis=1)
        real = to_unit_range(reference.test_pixels)
        by_digit = measure_by_digit(samples, digits, real, reference.digits, discriminator)
        evaluation = evaluation._replace(by_digit=by_digit)
    return evaluation._replace(
        frechet=frechet_distance(moments(features), reference.moments),
        frechet_floor=reference.frechet_floor,
        **prdc_scores(reference.features, reference.squared_radii, features)._asdict(),
        classifier_score=classifier_score(logits),
        classes_covered=classes_covered(histogram),
        kl_to_uniform=kl_to_uniform(histogram),
        digit_histogram=tuple(histogram.tolist()),
    )


def _subset(images: np.ndarray, count: int) -> np.ndarray:
    """Choose up to `count` images without replacement, pseudorandom but always the same ones.

    A regular choice would be biased, since MNIST is ordered: the two halves of the test set come from different groups
    of writers, and so do the even and the odd images of the training set. Every sixth training image has a classifier
    Fréchet distance of 9 to 13 from the test set, a random sixth of them 2.
    """
    chosen = np.random.default_rng(0).choice(len(images), min(count, len(images)), replace=False)
    return images[chosen]


def columns(evaluation: Evaluation) -> dict[str, float]:
    """Return the metrics by column: the fields in order, then a column for each digit of what is measured by digit,
    then the user's own.

    Metrics that are None have no column.
    """
    fields = evaluation._asdict()
    shares = fields.pop("digit_histogram") or ()
    by_digit = fields.pop("by_digit") or {}
    own = fields.pop("own") or {}
    measured = {name: value for name, value in fields.items() if value is not None}
    return measured | {f"digit_share_{digit}": share for digit, share in enumerate(shares)} | dict(by_digit) | dict(own)
