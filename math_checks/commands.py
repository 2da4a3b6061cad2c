"""Commands `ridge` and `change_of_variables`: run and print all checks, then write figures and residuals.

Nothing is written until everything has been computed. The exit status is 1 if a check failed, else 0.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

from gan_jax.config import MAX_SEED
from gan_jax.errors import UserError
from math_checks import cases, figures, ridge_checks
from math_checks import change_of_variables_checks as map_checks
from math_checks.change_of_variables import jacobian
from math_checks.check import Check, table
from math_checks.precision import in_float64
from math_checks.results import save
from math_checks.ridge import ridge as solve
from math_checks.ridge import ridge_path
from math_checks.ridge_problem import Problem
from math_checks.tables import Table, diabetes, read_table

MAX_STRENGTH = 1e100  # can still be squared
PATH_STRENGTHS = np.logspace(-4, 4, 97)
DRAWN_POINTS = 2000


def ridge(
    *,
    out: Path = Path("runs"),
    data: Path | None = None,
    target: str | None = None,
    penalty_strength: float = 0.1,
) -> int:
    """Check ridge regression's closed form and write the results into `out`/ridge.

    Columns are divided by their standard deviations, so that the penalty treats all of them equally, but not centered,
    so that the intercept matters.

    Args:
        out: parent directory of the results.
        data: CSV file of numbers with a header line; by default scikit-learn's diabetes data.
        target: column of `data` to predict from the others.
        penalty_strength: lambda, above 0 and at most 1e100; scikit-learn's alpha divided by the number of rows.
    """
    if (data is None) != (target is None):
        raise UserError("--data FILE.csv and --target COLUMN go together: give both or neither")
    if not 0 < penalty_strength <= MAX_STRENGTH:
        raise UserError(f"--penalty-strength must be above 0 and at most {MAX_STRENGTH:g}, not {penalty_strength:g}")
    rows = diabetes() if data is None or target is None else read_table(data, target)
    deviations = rows.features.std(axis=0)
    problem = Problem(rows.name, rows.features / deviations, rows.targets, penalty_strength)

    coefficients = solve(*problem.data, names=rows.columns)
    coefficients[1:] /= deviations
    intercept, *slopes = coefficients.tolist()
    named = dict(zip(rows.columns, slopes, strict=True))
    print(f"{rows.name}: {len(rows.targets)} rows, {len(rows.columns)} columns; at lambda {penalty_strength:g}")
    print(f"  {rows.target} =")
    print(f"  {intercept:+12.6g}  intercept")
    print("\n".join(f"  {value:+12.6g}  x {name}" for name, value in named.items()))

    checks = ridge_checks.run(problem)
    print(table(checks))
    if len(checks) < len(ridge_checks.CHECKS):
        print("skipped: the two checks against least squares, which has no unique solution on these columns")
    facts = {
        "data": rows.name,
        "rows": len(rows.targets),
        "target": rows.target,
        "penalty_strength": penalty_strength,
        "intercept": intercept,
        "coefficients": named,
    }
    folder = out / "ridge"
    save(folder, facts, checks, {"coefficient_paths": _coefficient_paths(rows, problem)})
    return _conclude(checks, folder)


def _coefficient_paths(rows: Table, problem: Problem) -> Figure:
    panels = []
    for title, penalty in (
        ("intercept free: A = diag(0, 1, ..., 1)", problem.penalty),
        ("intercept penalized: A = I", np.eye(len(problem.penalty))),
    ):
        path = ridge_path(problem.features, problem.targets, PATH_STRENGTHS, penalty)
        mean_prediction = path[:, 0] + path[:, 1:] @ problem.features.mean(axis=0)
        panels.append(figures.Paths(title, path[:, 1:], mean_prediction))
    return figures.coefficient_paths(PATH_STRENGTHS, panels, rows.columns, rows.target, float(rows.targets.mean()))


def change_of_variables(*, out: Path = Path("runs"), seed: int = 0) -> int:
    """Check the change of variables on five maps and write the results into `out`/change_of_variables.

    Args:
        out: parent directory of the results.
        seed: seed of the random maps and of the samples, 0 to 2**32 - 1.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"--seed must be from 0 to {MAX_SEED}, not {seed}")
    examples = cases.all_cases(seed)
    checks: list[Check] = []
    for case in examples:
        found = map_checks.run(case)
        if case.name == "homework":
            found += [each(case) for each in map_checks.HOMEWORK]
        print(table(found), flush=True)
        checks += found
    homework, *_, coupling = examples
    drawn = {
        "grids": figures.grids_and_images(
            [
                _grid_image("$U = X + Y$, $V = X - Y$", homework, corner=(0.5, 0.5), sides=(1.5, 1.0)),
                _grid_image("two RealNVP couplings", coupling, corner=(0.5, 0.5), sides=(1.5, 1.0)),
            ]
        ),
        "densities": _densities(homework),
        "areas": figures.area_errors(
            map_checks.CURVED_SIZES,
            {
                case.name: np.median(map_checks.area_errors(case, map_checks.CURVED_SIZES), axis=1)
                for case in examples
                if not case.affine
            },
        ),
    }
    folder = out / "change_of_variables"
    save(folder, {"seed": seed, "draws": cases.NUM_DRAWS}, checks, drawn)
    return _conclude(checks, folder)


@in_float64
def _grid_image(
    title: str, case: map_checks.Case, corner: tuple[float, float], sides: tuple[float, float]
) -> figures.GridImage:
    along = np.linspace(-3, 3, 121)
    lines = [np.column_stack(pair) for level in range(-3, 4) for pair in _crossing(along, level)]
    start, (du, dv) = np.asarray(corner), sides
    corners = start + np.array([[0, 0], [du, 0], [du, dv], [0, dv]])
    boundary = np.concatenate(
        [np.linspace(a, b, 60) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    along_u, along_v = (jacobian(case.bijector.inverse, start) * np.array(sides)).T
    origin = np.asarray(case.bijector.inverse(start))
    return figures.GridImage(
        title=title,
        lines=lines,
        images=[np.asarray(case.inverse_of_batch(line)) for line in lines],
        rectangle=boundary,
        rectangle_image=np.asarray(case.inverse_of_batch(boundary)),
        parallelogram=origin + np.array([0 * along_u, along_u, along_u + along_v, along_v]),
    )


def _crossing(along: np.ndarray, level: float) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    constant = np.full_like(along, level)
    return (along, constant), (constant, along)


@in_float64
def _densities(case: map_checks.Case) -> Figure:
    nodes = np.linspace(-5.5, 5.5, 201)
    pairs = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    draws = case.sample[:DRAWN_POINTS]
    before = np.exp(jax.jit(jax.vmap(case.base_log_density))(pairs)).reshape(len(nodes), -1)
    after = np.exp(case.log_density(pairs)).reshape(len(nodes), -1)
    return figures.densities(
        [
            figures.Plane("$X$, $Y$: independent N(0, 1)", ("x", "y"), nodes, before, draws),
            figures.Plane(
                "$U = X + Y$, $V = X - Y$: independent N(0, 2)", ("u", "v"), nodes, after,
                case.image_sample[:DRAWN_POINTS],
            ),
        ]
    )  # fmt: skip


def _conclude(checks: Sequence[Check], folder: Path) -> int:
    failed = [check for check in checks if not check.passed]
    for check in failed:
        print(f"FAIL {check.subject}, {check.name}: {check.statement}\n     bound: {check.reason}")
    print(f"{len(checks) - len(failed)} of {len(checks)} checks passed; figures and residuals are in {folder}")
    return 1 if failed else 0
