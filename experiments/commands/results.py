"""Commands that present runs: a comparison, and the report."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from experiments.harness.options import DEFAULT_OUT, Out, Plugins, flag, paths
from experiments.harness.plugins import load_plugins
from gan_jax.config import require_run_name
from gan_jax.errors import UserError


def compare(
    runs: Annotated[
        list[Path], paths("Run directories, or their names in --out, the baseline first.", name="RUN ...", negative="")
    ],
    /,
    *,
    out: Out = DEFAULT_OUT,
    name: Annotated[str, Parameter(help="Directory in --out for the table and the figure.")] = "comparison",
    plugin: Plugins = None,
) -> None:
    """Compare runs in a table, curves and samples; runs that differ only in the seed are grouped."""
    load_plugins(plugin)
    require_run_name(name)
    from gan_jax.runs.comparison import compare_and_print, read_run
    from gan_jax.runs.find_run import find_run
    from gan_jax.runs.run_dir import RunDir

    if RunDir(out / name).read_config() is not None:
        raise UserError(f"{out / name} is a run directory: choose another --name")
    compare_and_print([read_run(find_run(run, out)) for run in runs], out / name)


def report(
    runs: Annotated[
        list[Path] | None,
        paths(
            "Run directories, directories that contain runs, or names in runs. Default: all in runs, or else the "
            "shipped runs.",
            name="RUN ...",
            negative="",
        ),
    ] = None,
    /,
    *,
    out: Annotated[
        Path,
        paths(
            "HTML file to write; an existing file is replaced. Default: report.html in runs, beside run.sh.",
            show_default=False,
        ),
    ] = DEFAULT_OUT / "report.html",
    pdf: Annotated[bool, flag("Also typeset the homework: homework.pdf beside it, which is replaced.")] = False,
    author: Annotated[str | None, Parameter(help="Author's name on the title page of the PDF.")] = None,
    archive: Annotated[
        bool, flag("Also zip the code for submission: homework.zip beside it, which is replaced.", name="--zip")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Write an HTML report of runs: measurements, explanations, and a generator that runs in the browser."""
    load_plugins(plugin)
    from experiments.homework import report
    from gan_jax.runs.find_run import find_run

    report.report([find_run(run, DEFAULT_OUT) for run in runs or []], out, pdf, author, archive)
