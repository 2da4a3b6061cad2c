"""The command line: options are typed, a mistake is one line on standard error and exit code 2.

JAX, and all else that takes seconds to import, is imported within a command, once its options are in order.
"""

import io
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError

from experiments.bench.studies import STUDIES
from experiments.commands.sample import export, interpolate, sample
from experiments.commands.torch import torch_baseline
from experiments.harness.options import DEFAULT_OUT, Out, Platform, RunOptions, configure, numbers, paths, whole
from experiments.harness.runtime import prepare, started
from experiments.harness.train_options import TrainOptions, config_of
from experiments.homework.parts import EXTENSION_RUNS, PARTS, Part
from experiments.improvements.variants import CHANGES, names_of, with_epochs
from gan_jax.config import require_run_name
from gan_jax.errors import UserError, require
from gan_jax.utils.signals import StoppedError, raise_on_signal
from gan_jax.utils.text import printable

EXTRAS = {"jinja2": "report", "sklearn": "math", "torch": "torch", "typst": "report"}  # that bring these modules

app = App(
    name="./run.sh",
    help="How GANs train: the homework's parts, variants of your own, and the mathematics, each in one command. "
    "Besides, ./run.sh notebook opens the notebook, ./run.sh test runs the tests, ./run.sh lint the linters, and "
    "./run.sh docs makes the pages of the API.",
    version_flags=[],
    suppress_keyboard_interrupt=False,  # or it would exit at StoppedError, without a word
)


def main() -> NoReturn:
    """Run the command that sys.argv names and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is written by number, and stops nothing
            stream.reconfigure(errors="backslashreplace")
    try:
        with raise_on_signal():
            status = app(sys.argv[1:], exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        status = _refuse(f"unexpected argument {' '.join(error.unused_tokens or [])!r}")
    except UnknownOptionError as error:
        option = error.token.keyword or ""
        ours = option.removeprefix("--").replace("-", "_") in TrainOptions.__dataclass_fields__
        status = _refuse(f"{option} is an option of ./run.sh train alone" if ours else str(error))
    except (UserError, CycloptsError) as error:
        status = _refuse(str(error))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        install = f"python -m pip install '.[{EXTRAS[missing]}]' in the checkout"
        status = _refuse(f"{missing} is not installed: {install} brings it, and ./run.sh does so by itself")
    except ValueError as error:
        if not _raised_by_jax(error):
            raise
        status = _refuse(f"the environment sets what JAX cannot read: {error}")  # where it reads its own variables
    except StoppedError as error:
        print(f"run.sh: {error}", file=sys.stderr)
        status = error.exit_code
    sys.exit(status or 0)


def _raised_by_jax(error: BaseException) -> bool:
    """Tell whether JAX has raised an error while it was imported."""
    raised_in = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return "jax" not in sys.modules and Path(raised_in[-1]).parent.parent.name == "jax"


def _refuse(message: str) -> int:
    """Tell a mistake in one line and return its exit status."""
    print(f"run.sh: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


def _part_command(part: Part) -> Callable[..., None]:
    def command(options: RunOptions | None = None) -> None:
        options = options or RunOptions()
        configure(part.config if options.epochs is None else with_epochs(part.config, options.epochs), options)
        with started(options):
            from experiments.commands.train import run_part

            run_part(part, options)

    says = "The homework: " if part.config.name in PARTS else ""
    command.__doc__ = f"{part.question}\n\n    {says}{part.claim} Measured: {part.measured}"
    return command


for _name, _part in {**PARTS, **EXTENSION_RUNS}.items():
    app.command(_part_command(_part), name=_name)


@app.command(name="part_c")
def part_c(options: RunOptions | None = None) -> None:
    """All six of part_c1 to part_c6, one after another."""
    _run_parts([name for name in PARTS if name.startswith("part_c")], options or RunOptions())


@app.command(name="all")
def everything(options: RunOptions | None = None) -> int:
    """All that the homework asks for: part_a, part_b, part_c1 to part_c6, ridge and change_of_variables."""
    options = options or RunOptions()
    _run_parts(list(PARTS), options)
    from gan_jax.distributed.collectives import is_main_process

    return max(ridge(out=options.out), change_of_variables(out=options.out)) if is_main_process() else 0


def _run_parts(names: list[str], options: RunOptions) -> None:
    require(options.name is None, "this makes several runs: give --name to each part's own command")
    for name in names:
        configure(PARTS[name].config, options)
    with started(options):
        from experiments.commands.train import run_part

        for name in names:
            run_part(PARTS[name], options)


@app.command
def train(
    options: RunOptions | None = None,
    train_options: TrainOptions | None = None,  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Train a variant of your own: part_a with whatever you change."""
    options = options or RunOptions()
    base = config_of(train_options or TrainOptions(), options)
    configure(base, options)
    with started(options):
        from experiments.commands.train import train_seeds

        train_seeds(base, options)


@app.command
def improvements(
    options: RunOptions | None = None,
    *,
    only: Annotated[
        str | None,
        Parameter(help=f"Some of them, with commas between, besides part_a. By default all: {', '.join(CHANGES)}."),
    ] = None,
) -> None:
    """One change of part_a at a time, and the best together: which of them improve it, with error bars.

    All of them with three seeds are 18 hours on two cores; what is finished is kept, and the same command goes on.
    """
    options, chosen = options or RunOptions(), [] if only is None else names_of(only)
    with started(options):
        prepare(options.platform)
        from experiments.harness.progress import progress_callbacks
        from experiments.improvements.study import improvements as study

        study(options, chosen, progress_callbacks())


@app.command(name="compare")
def compare_runs(
    folders: Annotated[
        list[Path],
        paths("Runs' folders, or their names in --out, the baseline first.", name="RUN", negative=""),
    ],
    /,
    *,
    out: Out = DEFAULT_OUT,
    name: Annotated[str, Parameter(help="The folder in it for table and figure.")] = "comparison",
) -> None:
    """Compare any runs: a table, curves and samples; runs that differ in the seed alone are taken together."""
    require_run_name(name)
    from experiments.harness.comparison import compare, read_run
    from gan_jax.analysis.run_groups import group_by_seed
    from gan_jax.runs.run_dir import RunDir

    if RunDir(out / name).read_config() is not None:
        raise UserError(f"{out / name} is a run's folder: choose another --name")
    found = [read_run(folder if folder.exists() else out / folder) for folder in folders]
    compare(found, out / name, " against ".join(group_by_seed(found)))


@app.command
def verify(
    folder: Annotated[Path, paths("A run's folder, or its name in --out.", name="RUN")],
    /,
    *,
    out: Out = DEFAULT_OUT,
    since: Annotated[int, whole("The epoch of one of its checkpoints, to start there. 0: from the start.")] = 0,
    archives: Annotated[Path | None, paths("Folder of the archives that it was trained on, if it was.")] = None,
    classifier: Annotated[Path | None, paths("Classifier that it was measured with, if not the shipped one.")] = None,
    platform: Annotated[Platform | None, Parameter(help="To compute on. By default the fastest there is.")] = None,
) -> int:
    """Train a run again from its own configuration and compare bit for bit; exit code 1 if anything differs."""
    with started(RunOptions(platform=platform, num_processes=1)):
        prepare(platform)
        from experiments.commands.verify import verify_run

        return verify_run(folder if folder.exists() else out / folder, archives, classifier, since)


@app.command
def report(
    folders: Annotated[
        list[Path] | None,
        paths(
            "Folders of runs, or with runs in them, or names in runs. By default all there, else those shipped.",
            name="RUN",
            negative="",
        ),
    ] = None,
    /,
    *,
    out: Annotated[
        Path, paths("The file, which is replaced. By default report.html in runs, beside run.sh.", show_default=False)
    ] = DEFAULT_OUT / "report.html",
    pdf: Annotated[
        bool, Parameter(help="Besides, the homework typeset: homework.pdf beside it, which is replaced.", negative="")
    ] = False,
    author: Annotated[str | None, Parameter(help="Whose name the PDF's title bears.")] = None,
    archive: Annotated[
        bool,
        Parameter(
            name="--zip", help="Besides, the code to hand in: homework.zip beside it, which is replaced.", negative=""
        ),
    ] = False,
) -> None:
    """One page of HTML that shows runs, what was measured and why, and a generator that draws digits in the page."""
    from experiments.homework import report

    chosen = [folder if folder.exists() else DEFAULT_OUT / folder for folder in folders or []]
    report.report(chosen, out, pdf, author, archive)


@app.command
def saturation(
    *,
    out: Out = DEFAULT_OUT,
    dataset: Annotated[
        str | None, Parameter(help="mnist, fashion_mnist or kmnist. By default mnist.", show_default=False)
    ] = None,
    archives: Annotated[Path | None, paths("A folder with four gzipped IDX files, as in part_a.")] = None,
    iterations: Annotated[int, whole("Updates of each D from scratch.")] = 4000,
    epochs: Annotated[str, Parameter(help="After which G is frozen.")] = "1,10,25",
) -> None:
    """Measure how fast G's gradient vanishes under both losses as D becomes good (Arjovsky and Bottou 2017)."""
    require(1 <= iterations <= 1_000_000, f"iterations must be from 1 to 1000000, not {iterations}")
    frozen = numbers(epochs)
    require(min(frozen) >= 1 and max(frozen) <= 1000, f"epochs must be from 1 to 1000, not {epochs}")
    options = RunOptions(dataset=dataset, archives=archives)
    [config] = configure(PARTS["part_a"].config, options)
    prepare()
    from experiments.harness.inputs import source_of
    from experiments.harness.progress import say
    from experiments.homework.saturation import saturation as measure

    images = source_of(options).dataset
    try:
        measure(images, config.dataset, out / "saturation", frozen, iterations, config.hparams, say)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    say(f"{out / 'saturation' / 'saturation.png'}: the norms; the numbers in saturation.json beside it")


for _command in (sample, interpolate, export, torch_baseline):
    app.command(_command, name=_command.__name__)


@app.command(name="bench")
def run_bench(
    studies: Annotated[
        list[str] | None, Parameter(name="STUDY", help=f"Of {', '.join(STUDIES)}. By default all.", negative="")
    ] = None,
    /,
    *,
    out: Out = DEFAULT_OUT,
    repeats: Annotated[int, whole("Repeats of each timing.")] = 5,
) -> None:
    """Time training against PyTorch's, and what it costs by steps of D, batch size, width, seeds and improvements."""
    chosen = studies or list(STUDIES)
    for name in chosen:
        require(name in STUDIES, f"unknown study {name!r}: choose from {', '.join(STUDIES)}")
    require(1 <= repeats <= 1000, f"repeats must be from 1 to 1000, not {repeats}")
    from experiments.bench.command import bench

    bench([STUDIES[name] for name in chosen], out / "bench", repeats)


# scikit-learn is imported when called: run.sh installs it for these alone.
@app.command
def ridge(
    *,
    out: Annotated[Path, paths("Results go into its subfolder ridge.", show_default=False)] = DEFAULT_OUT,
    data: Annotated[Path | None, paths("CSV file of numbers with a header line.")] = None,
    target: Annotated[str | None, Parameter(help="The column of data to predict from the others.")] = None,
    penalty_strength: Annotated[float, Parameter(help="lambda > 0: scikit-learn's alpha over the rows.")] = 0.1,
) -> int:
    """Ridge regression's closed form, checked on scikit-learn's diabetes data or on a table of your own."""
    prepare()
    from math_checks import commands

    return commands.ridge(out=out, data=data, target=target, penalty_strength=penalty_strength)


@app.command(name="change_of_variables")
def change_of_variables(
    *,
    out: Annotated[Path, paths("Results go into its subfolder change_of_variables.", show_default=False)] = DEFAULT_OUT,
    seed: Annotated[int, whole("Seed of the random maps and of the samples.")] = 0,
) -> int:
    """The density of a transformed variable, checked on five maps."""
    prepare()
    from math_checks import commands

    return commands.change_of_variables(out=out, seed=seed)
