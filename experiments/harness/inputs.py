"""Inputs of a training besides its configuration: the trainer's options, and the images."""

from experiments.harness.options import RunOptions
from gan_jax.data.datasets import ImageDataset, load, load_archives
from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier
from gan_jax.evaluation.classifier import CLASSES
from gan_jax.runs.recorder import TrainerOptions
from gan_jax.runs.run_data import RunData, make_run_data


def habits_of(options: RunOptions) -> TrainerOptions:
    return TrainerOptions(
        checkpoint_every=options.checkpoint_every,
        samples_every=options.samples_every,
        evaluate_every=options.evaluate_every,
        overwrite=options.overwrite,
        tensorboard=options.tensorboard,
        detect_nans=options.detect_nans,
    )


def source_of(options: RunOptions) -> RunData:
    """The images that the options name, and a classifier if one fits them.

    Raises:
        UserError: for a classifier that cannot be used; images are not looked at before they are needed.
    """
    fits = options.classifier is not None or (options.archives is None and options.dataset in (None, "mnist"))
    classifier = load_classifier(options.classifier) if fits else None

    def images() -> ImageDataset:
        if options.archives is None:
            return load(options.dataset or "mnist")
        found = load_archives(options.archives)
        most = max(found.train_labels.max(), found.test_labels.max())
        if classifier is not None and most >= CLASSES:
            raise UserError(f"{options.archives} has the label {most}: --classifier is of {CLASSES} classes, from 0 on")
        return found

    return make_run_data(images, classifier)
