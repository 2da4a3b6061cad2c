"""Commands of the homework's mathematics. run.sh installs scikit-learn only for them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from experiments.harness.options import DEFAULT_OUT, paths, whole
from experiments.harness.runtime import prepare


def ridge(
    *,
    out: Annotated[Path, paths("Results go into its subdirectory ridge.", show_default=False)] = DEFAULT_OUT,
    data: Annotated[Path | None, paths("CSV file of numbers with a header line.")] = None,
    target: Annotated[str | None, Parameter(help="Target column, which the others predict.")] = None,
    penalty_strength: Annotated[
        float, Parameter(help="lambda > 0: scikit-learn's alpha divided by the number of rows.")
    ] = 0.1,
) -> int:
    """Check ridge regression's closed form, on scikit-learn's diabetes data or on your own CSV file."""
    prepare()
    from math_checks import commands

    return commands.ridge(out=out, data=data, target=target, penalty_strength=penalty_strength)


def change_of_variables(
    *,
    out: Annotated[
        Path, paths("Results go into its subdirectory change_of_variables.", show_default=False)
    ] = DEFAULT_OUT,
    seed: Annotated[int, whole("Seed of the random maps and of the samples.")] = 0,
) -> int:
    """Check the change-of-variables formula on five maps."""
    prepare()
    from math_checks import commands

    return commands.change_of_variables(out=out, seed=seed)
