"""Options of every training command, and the configurations made from them, without importing JAX."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from cyclopts import Parameter, Token

from gan_jax.config import ARCHIVES_DATASET, Config
from gan_jax.errors import UserError, require
from gan_jax.types import Precision

Platform = Literal["cpu", "cuda", "tpu"]
DEFAULT_OUT = Path(__file__).parents[2] / "runs"
MAX_SEEDS = 1000
MAX_PATH = 2000  # bytes: Linux takes twice as many, and the files of a run are below


def _whole_number(_: type, tokens: Sequence[Token]) -> int:
    """An int from its digits alone: cyclopts would round "1.5"."""
    text = tokens[0].value
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def whole(text: str) -> Parameter:
    """A whole-number option with this help."""
    return Parameter(help=text, converter=_whole_number)


def _usable(text: str) -> Path:
    """A path that the system can take; whether anything is there is for those to say who use it."""
    if not text:
        raise ValueError("a path has at least one character")
    if len(os.fsencode(text)) > MAX_PATH:
        raise ValueError(f"a path has at most {MAX_PATH} bytes")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.stat(text)  # raises ValueError for a NUL, OSError for a part that is too long or a link to itself
    return Path(text)


def _paths(kind: Any, tokens: Sequence[Token]) -> Path | list[Path]:
    """The paths that the tokens name, or the one path that is asked for."""
    try:
        found = [_usable(token.value) for token in tokens]
    except OSError as error:
        raise ValueError(f"{error.strerror}: {str(error.filename)[:60]!r}") from error
    return found if get_origin(kind) is list else found[0]


def paths(text: str, **more: Any) -> Parameter:
    """An option that is a path, or several, with this help."""
    return Parameter(help=text, converter=_paths, **more)


Out = Annotated[Path, paths("The folder of the runs' folders. By default runs, beside run.sh.", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options without a default keep what the part says."""

    epochs: Annotated[int | None, whole("Passes over the training images. By default 100, for stacked_mnist 12.")] = (
        None
    )
    seed: Annotated[
        int | None, whole("Seed of all random streams; equal seeds give bitwise equal runs. By default 0.")
    ] = None
    seeds: Annotated[str | None, Parameter(help="Several runs: '5' for seeds 0 to 4, '3,7' for those two.")] = None
    out: Out = DEFAULT_OUT
    name: Annotated[
        str | None,
        Parameter(help="The run's folder in it. By default part, data and seed, where given."),
    ] = None
    dataset: Annotated[str | None, Parameter(help="mnist, fashion_mnist or kmnist. By default mnist.")] = None
    archives: Annotated[
        Path | None, paths("A folder with four gzipped IDX files named as MNIST's, of 28x28 images.")
    ] = None
    batch_size: Annotated[
        int | None, whole("Real images a step; an incomplete last batch is left out. 512, with part_best's method 128.")
    ] = None
    learning_rate: Annotated[
        float | None, Parameter(help="Learning rate of both Adam optimizers. 0.0002, with part_best's method 0.001.")
    ] = None
    precision: Annotated[
        Precision | None,
        Parameter(help="Precision of the operands of matrix products. By default float32; tensorfloat32 takes a GPU."),
    ] = None
    devices: Annotated[
        int | None,
        whole("Devices to shard the batch over, or on accelerators the seeds. By default 1; of many processes all."),
    ] = None
    coordinator_address: Annotated[
        str | None, Parameter(help="HOST:PORT of process 0, where several processes train one run; not under SLURM.")
    ] = None
    num_processes: Annotated[
        int | None, whole("Number of processes; 1 under SLURM if each task is to train alone.")
    ] = None
    process_id: Annotated[int | None, whole("Index of this process, from 0.")] = None
    platform: Annotated[Platform | None, Parameter(help="Platform to compute on. By default the fastest there is.")] = (
        None
    )
    checkpoint_every: Annotated[int, whole("Epochs between checkpoints.")] = 10
    samples_every: Annotated[int, whole("Epochs between grids of samples.")] = 1
    evaluate_every: Annotated[int, whole("Epochs between measurements of samples; 0: after the last alone.")] = 0
    classifier: Annotated[
        Path | None,
        paths("Weights of a classifier of the data's ten classes, in safetensors, for data other than MNIST."),
    ] = None
    tensorboard: Annotated[
        bool, Parameter(help="Write event files, too, which tensorboard --logdir runs shows.", negative="")
    ] = False
    overwrite: Annotated[bool, Parameter(help="Train again from the start.", negative="")] = False
    detect_nans: Annotated[
        bool, Parameter(help="If the run diverges, find the operation that first gave no finite number.", negative="")
    ] = False


HOSTS = ("coordinator_address", "num_processes", "process_id")  # the options of a run on several


def refuse(options: RunOptions, command: str, *names: str) -> None:
    """Raise UserError for an option that a command would not heed."""
    for name in names:
        require(getattr(options, name) is None, f"{command} takes no --{name.replace('_', '-')}")


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
    count = found[0] if len(found) == 1 else len(found)
    if not 1 <= count <= MAX_SEEDS:
        raise UserError(f"--seeds must ask for 1 to {MAX_SEEDS} seeds, not {count}")
    return list(range(count)) if len(found) == 1 else found


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
    hparams = replace(base.hparams, **given)
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
            hparams=hparams,
        )
        for seed in seeds
    ]
