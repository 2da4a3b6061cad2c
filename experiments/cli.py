"""The command line: options are typed, a mistake is one line on standard error and exit code 2."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NoReturn

import jax
from cyclopts import App, CycloptsError, Parameter, Token

from experiments.parts import PARTS, Part
from experiments.progress import listener, say
from gan_jax import figures, runs
from gan_jax.compare import explain_saturation
from gan_jax.config import ARCHIVES_DATASET, Config, LossName, Setting
from gan_jax.data import ImageDataset, load, load_archives
from gan_jax.data.datasets import cache_folder
from gan_jax.errors import UserError
from gan_jax.files import save_figure
from gan_jax.models import Precision
from gan_jax.run_folder import RunFolder
from gan_jax.runs import Habits, read_image
from gan_jax.schedules import Schedule

DEFAULT_OUT = Path(__file__).parent.parent / "runs"

app = App(
    name="./run.sh",
    help="How GANs train: the homework's parts, variants of your own, and the mathematics, each in one command.",
    version=None,
    version_flags=[],
)


def _whole_number(_: type, tokens: Sequence[Token]) -> int:
    """An int from its digits alone: cyclopts would round "1.5"."""
    text = tokens[0].value
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _whole(text: str) -> Parameter:
    return Parameter(help=text, converter=_whole_number)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every training command takes."""

    epochs: Annotated[int, _whole("Passes over the training images.")] = 100
    seed: Annotated[int, _whole("Of all randomness: equal seeds give equal bits.")] = 0
    out: Annotated[Path, Parameter(help="The folder that holds the runs' folders.", show_default=False)] = DEFAULT_OUT
    name: Annotated[str | None, Parameter(help="The run's folder in it. By default part, data and seed.")] = None
    dataset: Annotated[str, Parameter(help="mnist, fashion_mnist or kmnist.")] = "mnist"
    archives: Annotated[
        Path | None, Parameter(help="A folder with four gzipped IDX files named as MNIST's, of 28x28 images.")
    ] = None
    batch_size: Annotated[int, _whole("Images a step; an incomplete last batch is left out.")] = 512
    learning_rate: Annotated[float, Parameter(help="Of both Adam optimisers.")] = 2e-4
    precision: Annotated[Precision, Parameter(help="Of the operands of matrix products.")] = "float32"
    checkpoint_every: Annotated[int, _whole("Epochs between checkpoints.")] = 10
    samples_every: Annotated[int, _whole("Epochs between grids of samples.")] = 1
    overwrite: Annotated[bool, Parameter(help="Train again from the start.", negative="")] = False


def main() -> NoReturn:
    """Run the command that sys.argv names and exit with its status."""
    try:
        status = app(sys.argv[1:], exit_on_error=False, print_error=False, result_action="return_value")
    except (UserError, CycloptsError) as error:
        print(f"run.sh: error: {' '.join(str(error).split())}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("run.sh: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        status = 130
    sys.exit(status or 0)


def _part_command(part: Part) -> Callable[..., None]:
    def command(options: RunOptions | None = None) -> None:
        options = options or RunOptions()
        config = _configure(part.config, options)
        folder = _train(config, options)
        if part.baseline is not None:
            _compare_with_baseline(folder, part, options)

    command.__doc__ = f"{part.question}\n\n    {part.claim}"
    return command


for _name, _part in PARTS.items():
    app.command(_part_command(_part), name=_name)


@app.command
def train(
    options: RunOptions | None = None,
    *,
    loss: Annotated[LossName, Parameter(help="What G minimises.")] = "non_saturating",
    discriminator_steps: Annotated[
        str,
        Parameter(help="Per iteration: '4', or by epochs '1: 16, 2-: 8', or in turn '1-50: 1, 51-: 1/2'."),
    ] = "1",
    real_target: Annotated[float, Parameter(help="D's target for real images.")] = 1.0,
    fake_target: Annotated[float, Parameter(help="D's target for generated images.")] = 0.0,
    generator_target: Annotated[float, Parameter(help="G's target, in the non-saturating loss.")] = 1.0,
    dropout_rate: Annotated[float, Parameter(help="In D, after each hidden layer.")] = 0.3,
    adam_b1: Annotated[float, Parameter(help="Decay of Adam's mean.")] = 0.9,
    adam_b2: Annotated[float, Parameter(help="Decay of Adam's mean square.")] = 0.999,
) -> None:
    """Train a variant of your own: part_a with whatever you change."""
    options = options or RunOptions()
    setting = Setting(
        loss=loss,
        real_target=real_target,
        fake_target=fake_target,
        generator_target=generator_target,
        dropout_rate=dropout_rate,
        adam_b1=adam_b1,
        adam_b2=adam_b2,
    )
    base = Config(name="train", discriminator_steps=Schedule.parse(discriminator_steps), setting=setting)
    _train(_configure(base, options), options)


# Imported when called: math_checks.commands needs scikit-learn, which run.sh installs for the two alone.
@app.command
def ridge(
    *,
    out: Annotated[Path, Parameter(help="Results go into its subfolder ridge.", show_default=False)] = DEFAULT_OUT,
    data: Annotated[Path | None, Parameter(help="CSV file of numbers with a header line.")] = None,
    target: Annotated[str | None, Parameter(help="The column of data to predict from the others.")] = None,
    penalty_strength: Annotated[float, Parameter(help="lambda > 0: scikit-learn's alpha over the rows.")] = 0.1,
) -> int:
    """Ridge regression's closed form, checked on scikit-learn's diabetes data or on a table of your own."""
    from math_checks import commands

    return commands.ridge(out=out, data=data, target=target, penalty_strength=penalty_strength)


@app.command(name="change_of_variables")
def change_of_variables(
    *,
    out: Annotated[
        Path, Parameter(help="Results go into its subfolder change_of_variables.", show_default=False)
    ] = DEFAULT_OUT,
    seed: Annotated[int, _whole("Of the random maps and of the samples, 0 or more.")] = 0,
) -> int:
    """The density of a transformed variable, checked on five maps."""
    from math_checks import commands

    return commands.change_of_variables(out=out, seed=seed)


def _configure(base: Config, options: RunOptions) -> Config:
    """A part's configuration with the options that the user gave."""
    dataset = ARCHIVES_DATASET if options.archives else options.dataset
    default_name = base.name
    if dataset != base.dataset:
        default_name += f"-{dataset}"
    if options.seed != base.seed:
        default_name += f"-seed_{options.seed}"
    setting = replace(
        base.setting,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        precision=options.precision,
    )
    name = default_name if options.name is None else options.name
    return replace(base, name=name, dataset=dataset, seed=options.seed, epochs=options.epochs, setting=setting)


def _train(config: Config, options: RunOptions) -> RunFolder:
    habits = Habits(
        checkpoint_every=options.checkpoint_every, samples_every=options.samples_every, overwrite=options.overwrite
    )
    jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)

    def data() -> ImageDataset:
        return load_archives(options.archives) if options.archives else load(config.dataset)

    say(f"{config.name}: {config.epochs} epochs on {jax.devices()[0].device_kind} ({jax.default_backend()})")
    folder = runs.train(config, data, options.out, habits, listener())
    say(f"{folder.path}: parameters' SHA-256 {folder.read_manifest()['params_sha256']}")
    return folder


def _compare_with_baseline(folder: RunFolder, part: Part, options: RunOptions) -> None:
    """Print and draw what distinguishes a part's run from its baseline's with the same options, if that was made."""
    assert part.baseline is not None
    config = _configure(part.config, options)
    baseline_config = _configure(PARTS[part.baseline].config, replace(options, name=None))
    baseline = RunFolder(options.out / baseline_config.name)
    metrics, baseline_metrics = folder.read_metrics(), baseline.read_metrics()
    if not baseline_metrics:
        print(f"No comparison: there is no {baseline.path}. Make it: ./run.sh {part.baseline} with the same options.")
        return
    runs_metrics = {baseline_config.name: baseline_metrics, config.name: metrics}
    samples = {
        name: read_image(run.sample(run.sampled_epochs()[-1]))
        for name, run in ((baseline_config.name, baseline), (config.name, folder))
    }
    title = f"{config.name} against {baseline_config.name}"
    path = folder.path / "comparison.png"
    save_figure(path, figures.comparison(runs_metrics, samples, title))
    print(explain_saturation(config.name, metrics, baseline_config.name, baseline_metrics))
    print(f"{path}: losses, D(G(z)), gradient norms and samples side by side")
