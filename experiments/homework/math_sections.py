"""Sections of the report on the saturation experiment and the mathematics."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments.homework.derivations import Measured, check_id, derivation
from experiments.homework.saturation import LOSSES, charts, curves_of, in_words
from gan_jax.analysis.slopes import generator_slopes
from gan_jax.reports import images, run_sections
from gan_jax.reports.page_model import Experiment, Provenance, Table

Record = tuple[Path, Mapping[str, Any]]


class FigureText(NamedTuple):
    """Caption and text alternative of a figure."""

    caption: str
    seen: str


FIGURES = {
    "ridge": {
        "coefficient_paths": FigureText(
            "Coefficients over the strength of the penalty: with the intercept free they shrink and the mean "
            "prediction stays; with the intercept penalized it does not.",
            "Two columns of two panels over lambda on a logarithmic axis. Above, a line for each coefficient, all of "
            "which run to 0. Below, the mean prediction: level in the left panel, in the right one it falls towards 0.",
        ),
    },
    "change_of_variables": {
        "grids": FigureText(
            "A grid and its image under the inverse map, with a rectangle, its image, and the parallelogram of the "
            "derivatives.",
            "Two rows: on the left a square grid in u and v with a blue rectangle, on the right its image in x and y. "
            "Above, the homework's map turns and shrinks it, and a dashed parallelogram covers the rectangle's image. "
            "Below, a bent grid, where the parallelogram and the image lie apart at the edges.",
        ),
        "densities": FigureText(
            "The density before and after the homework's map, with samples.",
            "Two round clouds of points over shades of blue: on the left X and Y, dense and narrow; on the right U and "
            "V, paler and wider in all directions alike.",
        ),
        "areas": FigureText(
            "The relative difference between the image's area and the parallelogram's falls in proportion to the "
            "rectangle.",
            "Three rising straight lines on logarithmic axes, the relative difference over the rectangle's side for "
            "three maps, parallel to a gray line of slope 1.",
        ),
    },
}
TITLES = {"ridge": "Ridge regression", "change_of_variables": "The change of variables"}
QUESTIONS = {
    "ridge": "Derive the closed form of ridge regression whose intercept is not penalized. Every step is checked "
    "in numbers.",
    "change_of_variables": "X and Y are independent standard normal, U = X + Y and V = X - Y: derive their Jacobian, "
    "the density of (U, V), and the way back. Every step is checked in numbers, on this map and on four others.",
}


def saturation(record: Record | None) -> Experiment:
    """Make the section on how fast G's gradient vanishes under both losses."""
    question = (
        "How fast does G's gradient vanish while D becomes good? G is frozen after some epochs, a D is trained from "
        "scratch against it, and along the way the gradient is measured that G would receive under either loss "
        "(Arjovsky and Bottou 2017, figures 2 and 3)."
    )
    slopes = generator_slopes()
    about = Experiment("saturation", "Saturation", question, text=[slopes.about], charts=[slopes])
    if record is None:
        return about._replace(missing="./run.sh saturation")
    folder, values = record
    curves = curves_of(values)
    text = [
        f"G frozen after epoch {curve.epochs}: its gradient "
        + ", ".join(f"{in_words(curve.norms[loss])} under {formula}" for loss, formula in LOSSES.items())
        + "."
        for curve in curves
    ]
    return about._replace(
        text=[*about.text, *text],
        charts=[*about.charts, *charts(curves)],
        provenance=[_provenance("saturation", folder / "saturation.json", values.get("provenance", {}))],
    )


def mathematics(name: str, record: Record | None) -> tuple[Experiment, str]:
    """Make the section on one of the two mathematical questions, and the style of its derivation."""
    checks = record[1]["checks"] if record else []
    html, style = derivation(name, found_by(checks))
    about = Experiment(name, TITLES[name], QUESTIONS[name], derivation=html)
    if record is None:
        return about._replace(missing=f"./run.sh {name}"), style
    folder, values = record
    passed = sum(check["passed"] for check in checks)
    failed = [
        f"{check['subject']}: {check['name']} failed: {check['statement']}" for check in checks if not check["passed"]
    ]
    return about._replace(
        text=[f"{passed} of {len(checks)} checks passed.", *_solution(values)],
        pictures=[
            (text.caption, images.picture(folder / f"{figure}.png", text.seen))
            for figure, text in FIGURES[name].items()
            if (folder / f"{figure}.png").is_file()
        ],
        tables=[_table(name, checks)],
        warnings=failed,
        provenance=[_provenance(name, folder / "checks.json", values.get("provenance", values), FIGURES[name])],
    ), style


def found_by(checks: list[Mapping[str, Any]]) -> dict[str, Measured]:
    """Return the worst outcome of each check, by its name."""
    found: dict[str, Measured] = {}
    for check in checks:
        measured = Measured(check["residual"], check["relation"], check["bound"], check["passed"])
        found[check["name"]] = min(found.get(check["name"], measured), measured, key=_leeway)
    return found


def _leeway(found: Measured) -> tuple[bool, float]:
    if found.residual is None:
        return found.passed, -math.inf
    return found.passed, found.residual if found.relation == ">=" else -found.residual


def _solution(values: Mapping[str, Any]) -> list[str]:
    """Write out the solution of ridge regression, if the record has one."""
    if "coefficients" not in values:
        return []
    terms = " ".join(f"{value:+.4g} {name}" for name, value in values["coefficients"].items())
    return [
        f"{values['data']}, {values['rows']} rows, at lambda {values['penalty_strength']:g}: "
        f"{values['target']} = {values['intercept']:.4g} {terms}."
    ]


def _table(name: str, checks: list[Mapping[str, Any]]) -> Table:
    rows = [["check", "subject", "residual", "", "bound", "", "statement"]]
    ids, seen = [], set()
    for check in checks:
        residual = "not a number" if check["residual"] is None else f"{check['residual']:.2e}"
        rows.append(
            [
                check["name"].replace("_", " "), check["subject"], residual, check["relation"],
                f"{check['bound']:.3g}", "pass" if check["passed"] else "FAIL", check["statement"],
            ]
        )  # fmt: skip
        ids.append("" if check["name"] in seen else check_id(name, check["name"]))
        seen.add(check["name"])
    return Table("Checks, with their residuals and the required bounds", rows, ids=ids)


def _provenance(name: str, path: Path, made: Mapping[str, Any], figures: Iterable[str] = ()) -> Provenance:
    """Describe the origin of a record and of the figures beside it."""
    facts = {"numbers": f"{path.name}, SHA-256 {run_sections.file_sha256(path)[: run_sections.SHORT]}"}
    for figure in figures:
        drawn = path.with_name(f"{figure}.png")
        if drawn.is_file():
            facts[drawn.name] = f"SHA-256 {run_sections.file_sha256(drawn)[: run_sections.SHORT]}"
    if "data_sha256" in made:
        facts["data"] = str(made["data_sha256"])
    return Provenance(name, run_sections.made_by(made) | facts)
