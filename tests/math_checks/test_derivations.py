"""The derivations name all checks and no others, and can be typeset."""

import re
from pathlib import Path

import pytest

import math_checks
from math_checks import change_of_variables_checks, ridge_checks

FOLDER = Path(math_checks.__file__).parent / "derivations"


@pytest.mark.parametrize(
    ("name", "checks"),
    [("ridge", ridge_checks.CHECKS), ("change_of_variables", change_of_variables_checks.CHECKS)],
)
def test_each_step_names_a_check_and_each_check_a_step(name: str, checks: tuple) -> None:
    text = (FOLDER / f"{name}.typ").read_text(encoding="utf-8")
    named = re.findall(r'#check\("(\w+)"\)', text)
    assert sorted(named) == sorted(check.__name__ for check in checks)


@pytest.mark.parametrize("name", ["ridge", "change_of_variables"])
def test_typesets(name: str) -> None:
    typst = pytest.importorskip("typst", reason="the report's typesetter is not installed")
    assert typst.compile(FOLDER / f"{name}.typ").startswith(b"%PDF")
