"""Inputs of training besides the configuration: the trainer's options, and the data."""

from dataclasses import fields

from experiments.harness.options import CommonOptions
from gan_jax.data.datasets import ImageDataset, load, load_archives
from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier
from gan_jax.evaluation.classifier import CLASSES
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.run_data import RunData, make_run_data


def trainer_options_of(options: CommonOptions) -> TrainerOptions:
    """Select the options that the trainer takes; those that the command does not have keep their defaults."""
    return TrainerOptions(**{each.name: value for each in fields(TrainerOptions)
                             if (value := getattr(options, each.name, None)) is not None})  # fmt: skip


def run_data_of(options: CommonOptions) -> RunData:
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
            raise UserError(f"{options.archives} contains label {most}, but the classifier has {CLASSES} classes")
        return found

    return make_run_data(images, classifier)
