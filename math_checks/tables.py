"""Tables of numbers from a user's CSV file, with errors that say what is wrong and where."""

import csv
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_diabetes

from gan_jax.errors import UserError

# Columns that vary by less than this share of their mean are refused: once squared, only six of float64's sixteen
# digits would separate them from the intercept.
MIN_RELATIVE_DEVIATION = 1e-5
# In this range, squares and n times their sum neither overflow nor underflow.
SMALLEST, LARGEST = 1e-100, 1e100
LISTED_COLUMNS = 12


class Table(NamedTuple):
    """Table of numbers with named columns: d features and a target, in n rows."""

    name: str
    columns: tuple[str, ...]
    features: np.ndarray  # float64 (n, d), finite, no column constant
    target: str
    targets: np.ndarray  # float64 (n,), finite, not constant


def diabetes() -> Table:
    """Return scikit-learn's data of 442 patients: ten measurements, and the progression of diabetes a year later.

    Efron, Hastie, Johnstone and Tibshirani, "Least angle regression", Annals of Statistics 32 (2004).
    """
    data: Any = load_diabetes(scaled=False)
    return Table("diabetes", tuple(data["feature_names"]), data["data"], "progression", data["target"])


def read_table(path: Path, target: str) -> Table:
    """Read a comma-separated file with one header line; `target` names the column to predict.

    Raises:
        UserError: if the file is not UTF-8 text; the header has no `target`, no other column, or a name that is missing
            or repeated; a line has another length; a cell is not a finite number; there are fewer than two rows; or a
            column is constant, almost constant, or too large or small to be squared.
    """
    (_, cells), *rows = _cells(path)
    header, target = [" ".join(name.split()) for name in cells], " ".join(target.split())
    _require_header(cells, header, target)
    numbers = np.array([_numbers(line, cells, header) for line, cells in rows], dtype=np.float64)
    if len(numbers) < 2:
        found = "one row" if len(numbers) else "no row"
        raise UserError(f"--data {path} has {found} under its header: a regression needs two or more")
    for column, values in zip(header, numbers.T, strict=True):
        _require_variation(column, values)
    at = header.index(target)
    return Table(
        path.stem, tuple(header[:at] + header[at + 1 :]), np.delete(numbers, at, axis=1), target, numbers[:, at]
    )


def _cells(path: Path) -> list[tuple[int, list[str]]]:
    """Read the lines that are not blank, with their numbers in the file; the first is the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except OSError as error:
        raise UserError(f"cannot read --data {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"--data {path} is not UTF-8 text (byte {error.start}): save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise UserError(f"--data {path}, line {reader.line_num}: {error}") from None
    if not lines:
        raise UserError(f"--data {path} is empty: it needs a header line and rows of numbers")
    return lines


def _require_header(cells: list[str], header: list[str], target: str) -> None:
    for position, name in enumerate(header, start=1):
        if not name:
            raise UserError(f"column {position} has no name in the header")
        if not name.isprintable():
            raise UserError(f"the name of column {position}, {_shown(name)}, has characters that are not printable")
        if header.count(name) > 1:
            raise UserError(f"column {_shown(name)} appears {header.count(name)} times in the header: rename one")
    if target not in header:
        if len(header) == 1 and (mark := next((mark for mark in ";\t|" if mark in cells[0]), None)):
            raise UserError(
                f"the header has {mark!r} where commas are needed: save the table with commas between cells"
            )
        listed = ", ".join(map(_shown, header[:LISTED_COLUMNS])) + (", ..." if len(header) > LISTED_COLUMNS else "")
        raise UserError(f"no column {_shown(target)} for --target; the columns are {listed}")
    if len(header) == 1:
        raise UserError(f"nothing to predict {_shown(target)} from: it is the only column")


def _numbers(line: int, cells: list[str], header: list[str]) -> list[float]:
    if len(cells) != len(header):
        raise UserError(f"line {line} has {len(cells)} cells, the header has {len(header)}")
    return [_number(cell, f"line {line}, column {_shown(name)}") for cell, name in zip(cells, header, strict=True)]


def _number(cell: str, where: str) -> float:
    if not cell.strip():
        raise UserError(f"{where} is empty: fill it in or remove the row")
    try:
        if "_" in cell:  # float() would accept it between digits
            raise ValueError
        number = float(cell)
    except ValueError:
        raise UserError(f"{where}: {_shown(cell)} is not a number") from None
    if not math.isfinite(number):
        raise UserError(f"{where}: {_shown(cell)} is not finite")
    return number


def _require_variation(column: str, values: np.ndarray) -> None:
    if np.all(values == values[0]):
        raise UserError(f"column {_shown(column)} is constant ({values[0]:g}): leave it out")
    largest = np.abs(values).max()
    scaled = values / largest  # so that squares neither overflow nor vanish
    if largest > LARGEST or largest * scaled.std() < SMALLEST:
        raise UserError(
            f"column {_shown(column)} reaches {largest:g}, too {'large' if largest > 1 else 'small'} to be squared: "
            "use another unit"
        )
    if scaled.std() < MIN_RELATIVE_DEVIATION * abs(scaled.mean()):
        raise UserError(
            f"column {_shown(column)} varies by less than 1e-5 of its mean: subtract its smallest value first"
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
