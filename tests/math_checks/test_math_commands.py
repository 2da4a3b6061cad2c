"""The two commands: what they print, write and return; mistakes write nothing."""

import csv
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.errors import UserError
from math_checks import change_of_variables_checks, commands, results, ridge_checks
from math_checks.ridge import ridge

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module", autouse=True)
def float32() -> object:
    """Run in float32, the default of the project's commands."""
    with jax.enable_x64(False):
        yield


@pytest.fixture
def table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    path = tmp_path / "houses.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "rooms", "price"])
        for area, rooms in generator.uniform([50, 1], [200, 6], (40, 2)):
            writer.writerow([area, rooms, 1000 * area + 5000 * rooms + generator.normal()])
    return path


def record(folder: Path) -> dict:
    return json.loads((folder / "checks.json").read_text())


def test_ridge_on_a_users_table(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture) -> None:
    assert commands.ridge(out=tmp_path / "out", data=table, target="price", penalty_strength=1e-6) == 0
    folder = tmp_path / "out" / "ridge"
    assert sorted(path.name for path in folder.iterdir()) == ["checks.json", "coefficient_paths.png"]
    assert (folder / "coefficient_paths.png").read_bytes().startswith(PNG)
    found = record(folder)
    assert found["passed"]
    assert {check["name"] for check in found["checks"]} == {check.__name__ for check in ridge_checks.CHECKS}
    # In the table's own units: noise of 1 over a spread of 43 and of 1.4, 40 rows, five standard errors.
    assert found["coefficients"]["area"] == pytest.approx(1000, abs=0.1)
    assert found["coefficients"]["rooms"] == pytest.approx(5000, abs=3)
    printed = capsys.readouterr().out
    assert "x rooms" in printed
    assert f"{len(ridge_checks.CHECKS)} of {len(ridge_checks.CHECKS)} checks passed" in printed
    assert printed.count("pass\n") == len(ridge_checks.CHECKS)


def test_ridge_on_the_shipped_data_gives_the_same_numbers_again(tmp_path: Path) -> None:
    commands.ridge(out=tmp_path)
    first = record(tmp_path / "ridge")
    commands.ridge(out=tmp_path)
    second = record(tmp_path / "ridge")
    for made in (first, second):
        assert {"command", "git_commit", "processor"} <= set(made.pop("provenance"))
    assert second == first


def test_change_of_variables(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert commands.change_of_variables(out=tmp_path) == 0
    folder = tmp_path / "change_of_variables"
    assert sorted(path.name for path in folder.glob("*.png")) == ["areas.png", "densities.png", "grids.png"]
    found = record(folder)
    assert {check["name"] for check in found["checks"]} == {c.__name__ for c in change_of_variables_checks.CHECKS}
    assert {check["subject"] for check in found["checks"]} == {
        "homework", "affine", "polar", "sinh-arcsinh", "coupling",
    }  # fmt: skip
    assert f"{len(found['checks'])} of {len(found['checks'])} checks passed" in capsys.readouterr().out


def test_a_failing_check_is_shown_and_returned(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(X, y, strength, penalty=None):
        return ridge(X, y, strength / len(X), penalty)

    honest = ridge_checks.run
    monkeypatch.setattr(ridge_checks, "run", lambda problem: honest(problem, ridge_checks.Method(solve=wrong)))
    assert commands.ridge(out=tmp_path, data=table, target="price") == 1
    printed = capsys.readouterr().out
    assert "FAIL houses, agrees_with_scikit_learn: scikit-learn's Ridge" in printed
    assert not record(tmp_path / "ridge")["passed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": Path("x.csv")}, "go together"),
        ({"target": "y"}, "go together"),
        ({"data": Path("absent.csv"), "target": "y"}, "cannot read --data absent.csv"),
        ({"penalty_strength": 0.0}, "--penalty-strength must be above 0 and at most .*, not 0"),
        ({"penalty_strength": float("nan")}, "above 0 and at most .*, not nan"),
        ({"penalty_strength": 1e308}, r"above 0 and at most .*, not 1e\+308"),
    ],
)
def test_mistakes_write_nothing(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        commands.ridge(out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_dependent_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("area,rooms,price\n1,2,5\n2,4,6\n3,6,1\n")
    with pytest.raises(UserError, match="column 'area', column 'rooms' are linearly dependent"):
        commands.ridge(out=tmp_path / "out", data=tmp_path / "mine.csv", target="price", penalty_strength=1e-20)
    assert not (tmp_path / "out").exists()


def test_a_column_may_be_called_intercept(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("intercept,y\n-1,1\n1,5\n")
    assert commands.ridge(out=tmp_path, data=tmp_path / "mine.csv", target="y", penalty_strength=1.0) == 0
    found = record(tmp_path / "ridge")
    # By hand, as in test_ridge.py.
    assert (found["intercept"], found["coefficients"]["intercept"]) == pytest.approx((3.0, 1.0), abs=1e-14)


def test_the_readmes_python_example() -> None:
    text = (Path(commands.__file__).parent / "README.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    assert code.count("\n") > 10
    lines = [f"found.append({line.partition('  #')[0]})" if "  # " in line else line for line in code.splitlines()]
    found: list = []
    exec("\n".join(lines), {"found": found})
    np.testing.assert_allclose(found[0], [3, 1], atol=1e-14)
    np.testing.assert_allclose(found[1], [np.log(2)], atol=1e-14)
    np.testing.assert_allclose(found[2], -0.5 - np.log(4 * np.pi), atol=1e-14)


def test_a_negative_seed_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--seed must be from 0 to 4294967295, not -1"):
        commands.change_of_variables(out=tmp_path / "out", seed=-1)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write to .*; give another --out"):
        results.save(tmp_path / "out", {}, [], {})
