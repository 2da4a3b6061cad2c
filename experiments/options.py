"""What every training command takes, and what is made of it: configurations, habits, the source of the images."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from gan_jax.config import ARCHIVES_DATASET, Config
from gan_jax.data import ImageDataset, load, load_archives
from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier
from gan_jax.keeping import Habits
from gan_jax.products import Precision
from gan_jax.source import Source, measured_source

DEFAULT_OUT = Path(__file__).parent.parent / "runs"
MAX_SEEDS = 1000


def _whole_number(_: type, tokens: Sequence[Token]) -> int:
    """An int from its digits alone: cyclopts would round "1.5"."""
    text = tokens[0].value
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def whole(text: str) -> Parameter:
    """A whole-number option with this help."""
    return Parameter(help=text, converter=_whole_number)


Out = Annotated[
    Path, Parameter(help="The folder of the runs' folders. By default runs, beside run.sh.", show_default=False)
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options without a default keep what the part says."""

    epochs: Annotated[int | None, whole("Passes over the training images. The parts take 100.")] = None
    seed: Annotated[int | None, whole("Of all randomness: equal seeds give equal bits. By default 0.")] = None
    seeds: Annotated[str | None, Parameter(help="Several runs: '5' for seeds 0 to 4, '3,7' for those two.")] = None
    out: Out = DEFAULT_OUT
    name: Annotated[
        str | None,
        Parameter(help="The run's folder in it. By default part, data and seed, where given."),
    ] = None
    dataset: Annotated[str | None, Parameter(help="mnist, fashion_mnist or kmnist. By default mnist.")] = None
    archives: Annotated[
        Path | None, Parameter(help="A folder with four gzipped IDX files named as MNIST's, of 28x28 images.")
    ] = None
    batch_size: Annotated[int | None, whole("Images a step; an incomplete last batch is left out. 512.")] = None
    learning_rate: Annotated[float | None, Parameter(help="Of both Adam optimisers. 0.0002.")] = None
    precision: Annotated[
        Precision | None, Parameter(help="Of the operands of matrix products. float32; tensorfloat32 takes a GPU.")
    ] = None
    devices: Annotated[int, whole("How many to spread the batch over, or --seeds on accelerators.")] = 1
    checkpoint_every: Annotated[int, whole("Epochs between checkpoints.")] = 10
    samples_every: Annotated[int, whole("Epochs between grids of samples.")] = 1
    evaluate_every: Annotated[int, whole("Epochs between measurements of samples; 0: after the last alone.")] = 0
    classifier: Annotated[
        Path | None, Parameter(help="Of the data's ten classes, in safetensors, for data other than MNIST.")
    ] = None
    tensorboard: Annotated[
        bool, Parameter(help="Write event files, too, which tensorboard --logdir runs shows.", negative="")
    ] = False
    overwrite: Annotated[bool, Parameter(help="Train again from the start.", negative="")] = False


def numbers(text: str) -> list[int]:
    """Different whole numbers, separated by commas."""
    if re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", text) is None:
        raise UserError(f"cannot read {text!r}: write whole numbers with commas between them, such as 3,7")
    found = [int(number) for number in text.split(",")]
    if len(set(found)) < len(found):
        raise UserError(f"{text} names a number twice")
    return found


def seeds_of(options: RunOptions) -> list[int]:
    """The seeds that --seed or --seeds ask for."""
    if options.seeds is None:
        return [0 if options.seed is None else options.seed]
    if options.seed is not None:
        raise UserError("give --seed or --seeds, not both")
    found = numbers(options.seeds)
    if len(found) > 1:
        return found
    if not 1 <= found[0] <= MAX_SEEDS:
        raise UserError(f"--seeds must ask for 1 to {MAX_SEEDS} seeds, not {found[0]}")
    return list(range(found[0]))


def configure(base: Config, options: RunOptions) -> list[Config]:
    """A part's configuration with the options that the user gave, for each seed."""
    if options.archives and options.dataset:
        raise UserError("give --dataset or --archives, not both")
    dataset = ARCHIVES_DATASET if options.archives else options.dataset or base.dataset
    name = options.name
    if name is None:
        name = base.name if dataset == base.dataset else f"{base.name}-{dataset}"
    given = {
        field: getattr(options, field)
        for field in ("batch_size", "learning_rate", "precision")
        if getattr(options, field) is not None
    }
    setting = replace(base.setting, **given)
    epochs = base.epochs if options.epochs is None else options.epochs
    seeds = seeds_of(options)
    # A name of one's own stands as it is, unless several seeds have to share it.
    numbered = options.name is None or len(seeds) > 1
    return [
        replace(
            base,
            name=f"{name}-seed_{seed}" if numbered and seed != 0 else name,
            dataset=dataset,
            seed=seed,
            epochs=epochs,
            setting=setting,
        )
        for seed in seeds
    ]


def habits_of(options: RunOptions) -> Habits:
    return Habits(
        checkpoint_every=options.checkpoint_every,
        samples_every=options.samples_every,
        evaluate_every=options.evaluate_every,
        overwrite=options.overwrite,
        tensorboard=options.tensorboard,
    )


def source_of(options: RunOptions) -> Source:
    """The images that the options name, and a classifier if one fits them.

    Raises:
        UserError: for a classifier that cannot be used; images are not looked at before they are needed.
    """
    fits = options.classifier is not None or (options.archives is None and options.dataset in (None, "mnist"))
    classifier = load_classifier(options.classifier) if fits else None

    def images() -> ImageDataset:
        return load_archives(options.archives) if options.archives else load(options.dataset or "mnist")

    return measured_source(images, classifier)
