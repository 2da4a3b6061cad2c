"""Options of the commands that train, and the configurations they make, without importing JAX."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from cyclopts import Parameter, Token

from gan_jax.config import ARCHIVES_DATASET, Config, Hyperparameters, specs
from gan_jax.data import DATASETS
from gan_jax.errors import UserError
from gan_jax.types import Precision

Platform = Literal["cpu", "cuda", "tpu"]
DEFAULT_OUT = Path(__file__).parents[2] / "runs"
MAX_SEEDS = 1000
MAX_PATH = 2000  # bytes: half of what Linux allows, which leaves room for the files of a run


def _whole_number(_: type, tokens: Sequence[Token]) -> int:
    """Parse an int from decimal digits only; cyclopts would round "1.5"."""
    text = tokens[0].value
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def whole(text: str) -> Parameter:
    """Declare an option that takes a whole number."""
    return Parameter(help=text, converter=_whole_number)


def flag(text: str, **more: Any) -> Parameter:
    """Declare an option without a value."""
    return Parameter(help=text, negative="", **more)


def _usable(text: str) -> Path:
    """Return a path that the system accepts, whether or not anything exists there."""
    if not text:
        raise ValueError("the path is empty")
    if len(os.fsencode(text)) > MAX_PATH:
        raise ValueError(f"the path is longer than {MAX_PATH} bytes")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.stat(text)  # ValueError for a NUL, OSError for a component that is too long or a link to itself
    return Path(text)


def _paths(kind: Any, tokens: Sequence[Token]) -> Path | list[Path]:
    """Parse one path, or a list of paths if the option takes several."""
    try:
        found = [_usable(token.value) for token in tokens]
    except OSError as error:
        raise ValueError(f"{error.strerror}: {str(error.filename)[:60]!r}") from error
    return found if get_origin(kind) is list else found[0]


def paths(text: str, **more: Any) -> Parameter:
    """Declare an option that takes a path, or several."""
    return Parameter(help=text, converter=_paths, **more)


def _spec(dataclass_type: type, name: str, more: str = "") -> str:
    """Return the help of a field of the configuration, and more."""
    return f"{specs(dataclass_type)[name][1].help}. {more}"


Out = Annotated[
    Path, paths("Directory that holds the run directories. Default: runs, beside run.sh.", show_default=False)
]
Dataset = Annotated[str | None, Parameter(help=f"{', '.join(DATASETS[:-1])} or {DATASETS[-1]}. Default: mnist.")]
Archives = Annotated[
    Path | None, paths("Directory with four gzipped IDX files of 28x28 images, named like those of MNIST.")
]
Plugins = Annotated[
    list[Path] | None,
    paths(
        "Python file of your own, executed first, that registers a loss, a penalty or a metric; repeatable.",
        name="--plugin",
        negative="",
    ),
]
_DEFAULT = "Default, unless stated above:"
_SEEDS = "Several seeds: '5' for 0 to 4, '3,7' for 3 and 7. The runs are named NAME-seed_0 and so on."
_EVALUATE_EVERY = "Epochs between evaluations of samples; 0: only after the last epoch."
PlatformOption = Annotated[Platform | None, Parameter(help="Platform to compute on. Default: the fastest available.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of every command that trains. None leaves the part's own configuration unchanged."""

    epochs: Annotated[int | None, whole(_spec(Config, "epochs", f"{_DEFAULT} 100."))] = None
    seed: Annotated[int | None, whole(_spec(Config, "seed", "Default: 0."))] = None
    seeds: Annotated[str | None, Parameter(help=_SEEDS)] = None
    out: Out = DEFAULT_OUT
    name: Annotated[
        str | None, Parameter(help="Name of the run directory. Default: made of command, data set and seed.")
    ] = None
    dataset: Dataset = None
    archives: Archives = None
    batch_size: Annotated[
        int | None, whole(_spec(Hyperparameters, "batch_size", f"A partial last batch is dropped. {_DEFAULT} 512."))
    ] = None
    learning_rate: Annotated[
        float | None, Parameter(help=_spec(Hyperparameters, "learning_rate", f"{_DEFAULT} 0.0002."))
    ] = None
    precision: Annotated[
        Precision | None,
        Parameter(help=_spec(Hyperparameters, "precision", "tensorfloat32 needs a GPU. Default: float32.")),
    ] = None
    samples_every: Annotated[int, whole("Epochs between grids of samples.")] = 1
    evaluate_every: Annotated[int, whole(_EVALUATE_EVERY)] = 0
    classifier: Annotated[
        Path | None,
        paths("Weights (.safetensors) of a ten-class classifier for the metrics on data other than MNIST."),
    ] = None
    tensorboard: Annotated[bool, flag("Also write event files, for tensorboard --logdir runs.")] = False
    overwrite: Annotated[bool, flag("Delete the existing run and train from scratch.")] = False


@dataclass(frozen=True, kw_only=True)
class JaxOptions(CommonOptions):
    """Further options of the commands that train with JAX."""

    platform: PlatformOption = None
    plugin: Plugins = None
    checkpoint_every: Annotated[int, whole("Epochs between checkpoints.")] = 10
    detect_nans: Annotated[bool, flag("If the run diverges, locate the first operation with a non-finite result.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(JaxOptions):
    """Further options of the commands that train on several devices or processes."""

    devices: Annotated[
        int | None,
        whole(
            "Devices to shard the batch over; on accelerators, several seeds are sharded over them instead. "
            "Default: 1; all in a multi-process run."
        ),
    ] = None
    coordinator_address: Annotated[
        str | None, Parameter(help="HOST:PORT of process 0 in a multi-process run. Not needed under SLURM.")
    ] = None
    num_processes: Annotated[
        int | None, whole("Number of processes. Under SLURM, 1 makes every task an independent run.")
    ] = None
    process_id: Annotated[int | None, whole("Index of this process, from 0.")] = None


DEFAULTS = RunOptions()
Unused = Annotated[None, Parameter(parse=False)]  # an option that a command does not take


@dataclass(frozen=True, kw_only=True)
class SeveralPartsOptions(RunOptions):
    """Options of the commands that train several parts, each under its own name."""

    name: Unused = None


@dataclass(frozen=True, kw_only=True)
class StudyOptions(JaxOptions):
    """Options of ./run.sh improvements, whose changes are relative to part_a's learning rate and batch size."""

    seeds: Annotated[str | None, Parameter(help=f"{_SEEDS} Default: 3, unless --seed is given.")] = None
    name: Unused = None
    batch_size: Unused = None
    learning_rate: Unused = None
    evaluate_every: Annotated[int, whole(_EVALUATE_EVERY)] = 10
    overwrite: Annotated[bool, Parameter(parse=False)] = False


def other_name(config: Config) -> str | None:
    """Return the name that a run of seed 0 has if it was not trained as this one was: alone, or among several seeds."""
    if config.seed != 0:
        return None
    name = config.name.removesuffix("-seed_0")
    return name if name != config.name else f"{name}-seed_0"


def existing_path(out: Path, config: Config) -> Path:
    """Return where a run is: seed 0 is also found under its other name, NAME or NAME-seed_0."""
    other = other_name(config)
    if other is None or (out / config.name).exists() or not (out / other).exists():
        return out / config.name
    return out / other


def numbers(text: str) -> list[int]:
    """Parse distinct whole numbers, separated by commas."""
    if re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", text) is None:
        raise UserError(f"cannot read {text!r}: write whole numbers separated by commas, such as 3,7")
    found = [int(number) for number in text.split(",")]
    if len(set(found)) < len(found):
        raise UserError(f"{text} has a number twice")
    return found


def seeds_of(options: CommonOptions) -> list[int]:
    """Return the seeds that --seed or --seeds ask for."""
    if options.seeds is None:
        return [0 if options.seed is None else options.seed]
    if options.seed is not None:
        raise UserError("give --seed or --seeds, not both")
    found = numbers(options.seeds)
    count = found[0] if len(found) == 1 else len(found)
    if not 1 <= count <= MAX_SEEDS:
        raise UserError(f"--seeds must ask for 1 to {MAX_SEEDS} seeds, not {count}")
    return list(range(count)) if len(found) == 1 else found


def configure(base: Config, options: CommonOptions) -> list[Config]:
    """Apply the user's options to a part's configuration, for each seed."""
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
    # --seeds numbers all of its runs, so that NAME-seed_* are all of them; a single run is numbered only if it must be.
    numbered = options.seeds is not None
    return [
        replace(
            base,
            name=f"{name}-seed_{seed}" if numbered or (options.name is None and seed != 0) else name,
            dataset=dataset,
            seed=seed,
            epochs=epochs,
            hparams=hparams,
        )
        for seed in seeds
    ]
