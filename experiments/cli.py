"""The command line: options are typed, and a mistake is one line on standard error and exit code 2.

JAX, and everything else that takes seconds to import, is imported within a command, once its options are valid.
"""

import io
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError

from experiments.commands.mathematics import change_of_variables, ridge
from experiments.commands.measure import bench, saturation
from experiments.commands.results import compare, report
from experiments.commands.sample import export, interpolate, sample
from experiments.commands.torch import torch_baseline
from experiments.commands.verify import verify
from experiments.harness.options import DEFAULTS, RunOptions, configure
from experiments.harness.runtime import prepare, started
from experiments.harness.train_options import TrainOptions, config_of
from experiments.homework.parts import EXTENSION_RUNS, PARTS, Part
from experiments.improvements.variants import CHANGES, parse_changes, with_epochs
from gan_jax.errors import UserError, require
from gan_jax.utils.signals import StoppedError, raise_on_signal
from gan_jax.utils.text import printable

EXTRAS = {"jinja2": "report", "sklearn": "math", "torch": "torch", "typst": "report"}  # the extra of each module

app = App(
    name="./run.sh",
    help="How GANs train: the homework's parts, variants of your own, and the mathematics. Commands of run.sh itself: "
    "notebook opens the notebook, test runs the tests, lint runs the linters, docs builds the API pages, install "
    "prepares the environment.",
    version_flags=[],
    suppress_keyboard_interrupt=False,  # or it would exit at StoppedError, without a message
)


def main() -> NoReturn:
    """Run the command in sys.argv and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # rather than fail on what its encoding lacks
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
        status = _refuse(f"{missing} is not installed: {install} installs it, and ./run.sh does so by itself")
    except ValueError as error:
        if not _raised_by_jax(error):
            raise
        status = _refuse(f"JAX cannot read an environment variable: {error}")
    except StoppedError as error:
        print(f"run.sh: {error}", file=sys.stderr)
        status = error.exit_code
    sys.exit(status or 0)


def _raised_by_jax(error: BaseException) -> bool:
    """Tell whether JAX raised an error while it was imported, which is when it reads its variables."""
    raised_in = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return "jax" not in sys.modules and Path(raised_in[-1]).parent.parent.name == "jax"


def _refuse(message: str) -> int:
    """Print a mistake in one line and return the exit status."""
    print(f"run.sh: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


def _part_command(part: Part) -> Callable[..., None]:
    def command(options: RunOptions = DEFAULTS) -> None:
        configure(part.config if options.epochs is None else with_epochs(part.config, options.epochs), options)
        _run_parts([part], options)

    source = "The homework's claim: " if part.config.name in PARTS else ""
    command.__doc__ = f"{part.question}\n\n    {source}{part.claim} Measured: {part.measured}"
    return command


def _run_parts(parts: list[Part], options: RunOptions) -> None:
    with started(options):
        from experiments.commands.train import run_part

        for part in parts:
            run_part(part, options)


def _run_several(names: list[str], options: RunOptions) -> None:
    require(options.name is None, "this makes several runs: give --name to each part's own command")
    for name in names:
        configure(PARTS[name].config, options)
    _run_parts([PARTS[name] for name in names], options)


for _name, _part in {**PARTS, **EXTENSION_RUNS}.items():
    app.command(_part_command(_part), name=_name)


@app.command(name="part_c")
def part_c(options: RunOptions = DEFAULTS) -> None:
    """Train part_c1 to part_c6, one after another."""
    _run_several([name for name in PARTS if name.startswith("part_c")], options)


@app.command(name="all")
def everything(options: RunOptions = DEFAULTS) -> int:
    """Run everything that the homework asks for: all parts, ridge and change_of_variables."""
    _run_several(list(PARTS), options)
    from gan_jax.distributed.collectives import is_main_process

    return max(ridge(out=options.out), change_of_variables(out=options.out)) if is_main_process() else 0


@app.command
def train(
    options: RunOptions = DEFAULTS,
    train_options: TrainOptions = TrainOptions(),  # noqa: B008  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Train a variant of your own: part_a with your changes."""
    base = config_of(train_options, options)
    configure(base, options)
    with started(options):
        from experiments.commands.train import train_seeds

        train_seeds(base, options)


@app.command
def improvements(
    options: RunOptions = DEFAULTS,
    *,
    only: Annotated[
        str | None,
        Parameter(help=f"Changes to train besides part_a, separated by commas. Default: all: {', '.join(CHANGES)}."),
    ] = None,
) -> None:
    """Train part_a with one change at a time, and with the best together; rank them with error bars.

    All of them with three seeds are 18 hours on two cores; finished runs are kept, and the same command resumes.
    """
    chosen = [] if only is None else parse_changes(only)
    with started(options):
        prepare(options.platform)
        from experiments.harness.progress import progress_callbacks
        from experiments.improvements.study import improvements as study

        study(options, chosen, progress_callbacks())


for _command in (
    *(compare, verify, report, saturation, sample, interpolate, export),
    *(torch_baseline, bench, ridge, change_of_variables),
):
    app.command(_command, name=_command.__name__)
