"""Inputs of training besides the configuration: the trainer's options, and the data."""

from dataclasses import fields

from experiments.harness.options import RunOptions
from gan_jax.data.datasets import ImageDataset, load, load_archives
from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier
from gan_jax.evaluation.classifier import CLASSES
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.run_data import RunData, make_run_data


def trainer_options_of(options: RunOptions) -> TrainerOptions:
    """Select the options that the trainer takes."""
    return TrainerOptions(**{each.name: getattr(options, each.name) for each in fields(TrainerOptions)})


def run_data_of(options: RunOptions) -> RunData:
    """Choose the images, which are loaded when they are first used, and the classifier that fits them, if any.

    Raises:
        UserError: if the classifier cannot be used.
    """
    fits = options.classifier is not None or (options.archives is None and options.dataset in (None, "mnist"))
    classifier = load_classifier(options.classifier) if fits else None

    def images() -> ImageDataset:
        if options.archives is None:
            return load(options.dataset or "mnist")
        found = load_archives(options.archives)
        most = max(found.train_labels.max(), found.test_labels.max())
        if classifier is not None and most >= CLASSES:
            raise UserError(
                f"{options.archives} has the label {most}: --classifier has {CLASSES} classes, 0 to {CLASSES - 1}"
            )
        return found

    return make_run_data(images, classifier)
