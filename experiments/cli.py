"""The command line: typed options, and one line on standard error and exit code 2 for a mistake.

JAX, and everything else that takes seconds to import, is imported inside the commands, after their options are parsed.
"""

import io
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError

from experiments.commands.homework import HomeworkOptions
from experiments.commands.homework import homework as make_homework
from experiments.commands.mathematics import change_of_variables, ridge
from experiments.commands.measure import bench, saturation
from experiments.commands.results import compare, report
from experiments.commands.sample import export, interpolate, sample
from experiments.commands.torch import torch_baseline
from experiments.commands.verify import verify
from experiments.harness.options import DEFAULTS, RunOptions, SeveralPartsOptions, StudyOptions, configure
from experiments.harness.plugins import load_plugins
from experiments.harness.runtime import jax_session, prepare
from experiments.harness.train_options import TrainOptions, config_of
from experiments.homework.parts import EXTENSION_RUNS, PARTS, Part
from experiments.improvements.variants import CHANGES, parse_changes, with_epochs
from gan_jax.errors import UserError
from gan_jax.utils.interface import command_line
from gan_jax.utils.signals import StoppedError, raise_on_signal
from gan_jax.utils.text import printable

OPTIONAL = {"report": "[RUN ...]", "bench": "[STUDY ...]", "sample": "[RUN]", "interpolate": "[RUN]", "export": "[RUN]"}
SEVERAL_PARTS, STUDY, HOMEWORK = SeveralPartsOptions(), StudyOptions(), HomeworkOptions()
EXAMPLE = Path(__file__).parent / "examples" / "least_squares_plugin.py"
EXTRAS = {"jinja2": "report", "sklearn": "math", "torch": "torch", "typst": "report"}  # the extra of each module

app = App(
    name="./run.sh",
    help="Study how GANs train: the homework's parts, your own variants, and the mathematics. Further commands: "
    "notebook (open the tutorial, or the exercises), test (run the tests), lint (run the linters), docs (build the "
    "documentation site), install (prepare the environment), lock (renew requirements.lock).",
    version_flags=[],
    suppress_keyboard_interrupt=False,  # or it would exit at StoppedError, without a message
)


def main() -> NoReturn:
    """Run the command in sys.argv and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # rather than fail on what its encoding lacks
    try:
        with command_line(EXAMPLE if EXAMPLE.is_file() else None), raise_on_signal():
            status = app(sys.argv[1:], exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        status = _refuse(f"unexpected argument {' '.join(error.unused_tokens or [])!r}")
    except UnknownOptionError as error:
        option = error.token.keyword or ""
        field = option.removeprefix("--").replace("-", "_")
        reason = f"{sys.argv[1]} does not support {option}" if hasattr(DEFAULTS, field) else str(error)
        ours = field in TrainOptions.__dataclass_fields__
        status = _refuse(f"{option} is an option of ./run.sh train alone" if ours else reason)
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
    """Tell whether an error was raised while JAX was imported, which is when it reads its environment variables."""
    raised_in = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return "jax" not in sys.modules and Path(raised_in[-1]).parent.parent.name == "jax"


def _refuse(message: str) -> int:
    """Print a mistake in one line and return the exit status."""
    print(f"run.sh: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


def _part_command(part: Part) -> Callable[..., None]:
    def command(options: RunOptions = DEFAULTS) -> None:
        _run_parts([part], options)

    epochs, hparams = part.config.epochs, part.config.hparams
    source, usual = "The homework's claim: ", ""
    if part.config.name not in PARTS:
        source, usual = "", f" Defaults: {epochs} epochs, batch size {hparams.batch_size}, learning rate "
        usual += f"{hparams.learning_rate:g}."
    command.__doc__ = f"{part.question}\n\n    {source}{part.claim} Measured: {part.measured}{usual}"
    return command


def _run_parts(parts: list[Part], options: RunOptions) -> None:
    load_plugins(options.plugin)
    for part in parts:  # an option that does not fit is refused before the first is trained
        configure(part.config if options.epochs is None else with_epochs(part.config, options.epochs), options)
    with jax_session(options):
        from experiments.commands.train import run_part

        for part in parts:
            run_part(part, options)


for _name, _part in {**PARTS, **EXTENSION_RUNS}.items():
    app.command(_part_command(_part), name=_name)


@app.command(name="part_c")
def part_c(options: SeveralPartsOptions = SEVERAL_PARTS) -> None:
    """Train part_c1 to part_c6, one after another."""
    _run_parts([part for name, part in PARTS.items() if name.startswith("part_c")], options)


@app.command(name="all")
def everything(options: SeveralPartsOptions = SEVERAL_PARTS) -> int:
    """Train all parts and check the mathematics; homework makes the PDF and the rest of it, too."""
    _run_parts(list(PARTS.values()), options)
    from gan_jax.distributed.collectives import is_main_process

    return max(ridge(out=options.out), change_of_variables(out=options.out)) if is_main_process() else 0


@app.command
def homework(options: HomeworkOptions = HOMEWORK) -> int:
    """Make the whole homework: all parts, saturation, the mathematics, the report, the PDF and the code to hand in.

    It says after a minute how long all of it takes. Interrupted, the same command goes on where it was.
    """
    return make_homework(options)


@app.command
def train(
    options: RunOptions = DEFAULTS,
    train_options: TrainOptions = TrainOptions(),  # noqa: B008  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Train your own variant: part_a with your changes."""
    load_plugins(options.plugin)
    base = config_of(train_options, options)
    configure(base, options)
    with jax_session(options):
        from experiments.commands.train import train_seeds

        train_seeds(base, options)


@app.command
def improvements(
    options: StudyOptions = STUDY,
    *,
    only: Annotated[
        str | None,
        Parameter(
            help=f"Changes to train, separated by commas; part_a is always trained. Default: all: {', '.join(CHANGES)}."
        ),
    ] = None,
) -> None:
    """Train part_a with one change at a time, and with the best changes together; rank them with error bars.

    All changes with three seeds take about 18 hours on two cores; finished runs are kept, and the same command resumes.
    """
    load_plugins(options.plugin)
    chosen = [] if only is None else parse_changes(only)
    with jax_session(RunOptions(platform=options.platform)):
        prepare(options.platform)
        from experiments.improvements.study import improvements as study
        from gan_jax.runs.progress import progress_callbacks

        study(options, chosen, progress_callbacks())


for _command in (
    *(compare, verify, report, saturation, sample, interpolate, export),
    *(torch_baseline, bench, ridge, change_of_variables),
):
    _name = _command.__name__
    _usage = f"Usage: ./run.sh {_name} [OPTIONS] {OPTIONAL[_name]}" if _name in OPTIONAL else None
    app.command(_command, name=_name, usage=_usage)
