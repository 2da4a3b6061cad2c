"""The exercise notebook is made of the solved one, is friendly where it is blank; the solved one runs."""

import contextlib
import io
import json
import re
from pathlib import Path

import jax
import nbformat
import numpy as np
import pytest

from experiments.exercises import check, draw
from experiments.scripts.make_exercises import ANSWER, EXERCISES, SOLUTIONS, as_text, main, without_solutions
from gan_jax.runs.run_dir import RunDir
from tests.helpers.exercises import solutions
from tests.helpers.notebooks import METADATA, Cells, cells_of, errors, execute_notebook, printed, shown

RESULTS = SOLUTIONS.parent / "results"
CHECKED = {
    "d-loss-check": 1, "g-losses-check": 2, "predict-train": 3, "ratio-check": 3, "detach-check": 4, "optimal-check": 5,
    "turns-check": 6, "schedule-check": 7, "collapse-check": 8, "bits-check": 9, "own-check": 10,
}  # fmt: skip
DRAWN = {"g-losses-check", "predict-train", "optimal-check", "turns-check", "collapse-check", "own-check"}


def cells(path: Path) -> Cells:
    return cells_of(nbformat.read(path, as_version=4))


def test_the_exercises_are_what_the_command_makes(monkeypatch, tmp_path):
    monkeypatch.setattr("experiments.scripts.make_exercises.EXERCISES", tmp_path / "made.ipynb")
    assert main() == 0
    assert (tmp_path / "made.ipynb").read_text("utf-8") == EXERCISES.read_text("utf-8")


@pytest.mark.parametrize("path", [EXERCISES, SOLUTIONS], ids=lambda path: path.stem)
def test_the_notebooks_are_valid_and_have_no_outputs_or_paths(path):
    text = path.read_text("utf-8")
    notebook = json.loads(text)
    assert text == as_text(notebook)
    nbformat.validate(nbformat.from_dict(notebook))
    assert notebook["metadata"] == METADATA
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert not re.search(r"(?<![\w./])/(home|root|tmp|usr|work|Users|content|mnt)\b", text)


def test_the_exercises_hold_no_solution():
    blank, solved = cells(EXERCISES), cells(SOLUTIONS)
    text = EXERCISES.read_text("utf-8")
    for word in (
        "SOLUTION",
        "<details>",
        "softplus(-real_logits)",
        "minlength",
        "2-5: 2",
        "fold_in(jax.random.key(seed)",
    ):
        assert word not in text
        assert word in SOLUTIONS.read_text("utf-8")
    answers = [name for name, cell in solved.items() if "answer" in cell.metadata.get("tags", [])]
    assert len(answers) == 10
    assert all(blank[name].source == ANSWER for name in answers)
    assert set(solved) - set(blank) == {"solved"}


def notebook_with(source: str) -> dict:
    return {"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": [source]}]}


def test_a_solution_becomes_a_blank():
    source = "def f():\n    # BEGIN SOLUTION\n    x = 1\n\n    return x\n    # END SOLUTION\n\n\n"
    source += "# BEGIN SOLUTION: y = ...\ny = f()\n# END SOLUTION"
    [cell] = without_solutions(notebook_with(source))["cells"]
    assert "".join(cell["source"]) == "def f():\n    ...  # your code\n\n\ny = ..."


@pytest.mark.parametrize(
    "source", ["# BEGIN SOLUTION\nx = 1", "x = 1\n# END SOLUTION", "# END SOLUTION\n# BEGIN SOLUTION"]
)
def test_half_a_marker_is_refused(source):
    with pytest.raises(ValueError, match="cell a: a solution's BEGIN or END has no other half"):
        without_solutions(notebook_with(source))


def test_blank_exercises_say_so_from_top_to_bottom(small_archives):
    """Nothing is trained and nothing fails; each check names its blank."""
    names: dict = {}
    for name, cell in cells(EXERCISES).items():
        if cell.cell_type != "code":
            continue
        source = cell.source
        if name == "parameters":
            source += f"\nfrom pathlib import Path\nDATA = Path({str(small_archives)!r})"
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(source, names)
        lines = output.getvalue().splitlines()
        if name in CHECKED:
            assert lines
            for line in lines:
                assert line.startswith(f"… Exercise {CHECKED[name]}: not filled in yet: ")
        elif name != "data":
            assert not lines
    assert names["runs"] == {}


@pytest.fixture(scope="module")
def executed(tmp_path_factory, cache, small_archives) -> Cells:
    """The solved notebook, run on 1100 digits for two epochs of eight iterations."""
    folder = tmp_path_factory.mktemp("solutions")
    parameters = f"from pathlib import Path\nEPOCHS, COUNT, DATA = 2, 300, Path({str(small_archives)!r})"
    return execute_notebook(SOLUTIONS, folder, parameters, cache)


def test_every_solution_passes(executed):
    for name, exercise in CHECKED.items():
        lines = [line for line in printed(executed[name]).splitlines() if "Exercise" in line]
        assert lines
        for line in lines:
            assert line.startswith(f"✓ Exercise {exercise}: "), line
    assert not errors(executed)


def test_the_drawings_are_shown(executed):
    assert {name for name, cell in executed.items() if shown(cell, "image/png")} == DRAWN


def test_ds_step_leaves_gs_bits(executed):
    assert "the bits of the generator are the same" in printed(executed["detach-check"])
    assert "the bits of the discriminator are others" in printed(executed["detach-check"])


def test_equal_seeds_give_equal_bits(executed):
    first, again, other = re.findall(r"SHA-256 ([0-9a-f]{16})", printed(executed["bits-check"]))
    assert first == again != other


def test_the_better_generator_is_told_by_the_columns_of_the_text(executed):
    table = rows(executed)
    best, part_a = table["part_best"], table["part_a"]
    assert best["KL"] < part_a["KL"]
    assert best["Fréchet"] < part_a["Fréchet"]
    assert best["recall"] > part_a["recall"]
    assert table["real"]["Fréchet"] < best["Fréchet"]


def rows(executed: Cells) -> dict[str, dict[str, float]]:
    """Return the table of exercise 8."""
    _, *lines = printed(executed["collapse-table"]).splitlines()
    names = ("KL", "one feature", "Fréchet", "precision", "recall")
    return {line[:18].strip(): dict(zip(names, map(float, line[18:].split()), strict=True)) for line in lines}


def test_the_small_game_ends_as_the_text_says(monkeypatch):
    """Stepping at once leaves the equilibrium, taking turns stays at its distance, and R1 reaches it."""
    drawn = {}
    monkeypatch.setattr(draw, "orbits", drawn.update)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(cells(SOLUTIONS)["turns-check"].source, solutions() | {"draw": draw, "check": check})
    distances = {name: np.hypot(*np.asarray(path).T) for name, path in drawn.items()}
    assert distances["both at once"][-1] > 1.8
    assert 0.95 < distances["taking turns"].min() < distances["taking turns"].max() < 1.05
    assert distances["taking turns, with R1"][-1] < 0.01


def test_the_small_game_shrinks_slowly_under_the_non_saturating_loss():
    """The text says so: from (1, 0), the distance after 2000 iterations is still 0.14."""
    iteration, point = solutions()["iteration"], (1.0, 0.0)
    play = jax.jit(
        lambda g, d: iteration(
            g, d, lambda d, g: jax.nn.softplus(d * g), lambda g, d: jax.nn.softplus(-d * g), rate=0.2, d_steps=1
        )
    )
    for _ in range(2000):
        point = play(*point)
    assert f"{np.hypot(point[0], point[1]):.2f}" in cells(SOLUTIONS)["turns-answer"].source


@pytest.mark.skipif(not RESULTS.is_dir(), reason="the homework's archive of the code has no results")
def test_numbers_in_the_text_are_those_of_the_shipped_runs():
    text = cells(SOLUTIONS)["schedule-question"].source
    assert re.findall(r"(\d+) %", text) == [
        f"{100 * RunDir(RESULTS / name).read_metrics()['digit_share_1'][-1]:.0f}" for name in ("part_c4", "part_a")
    ]


def test_ones_are_the_most_alike(mnist):
    """The answer of exercise 7 says so: their root mean square distance from their mean image is the smallest."""
    images = {digit: mnist.train_images[mnist.train_labels == digit].astype(float) for digit in range(10)}
    spreads = {digit: np.sqrt(each.var(axis=0).sum()) for digit, each in images.items()}
    first, second, *_ = sorted(spreads, key=lambda digit: spreads[digit])
    assert first == 1
    assert spreads[first] < 0.9 * spreads[second]


@pytest.mark.slow
def test_the_committed_parameters(tmp_path, cache):
    """G's gradient has vanished under the saturating loss alone, and no run of four epochs draws digits."""
    executed = execute_notebook(SOLUTIONS, tmp_path, "", cache)
    runs = {name: RunDir(tmp_path / "runs" / "exercises" / name) for name in ("part_a", "part_b", "straight")}
    norms = {name: run.read_metrics()["generator_gradient_norm"][-1] for name, run in runs.items()}
    assert norms["part_b"] < 1e-2 * min(norms["part_a"], norms["straight"])
    assert runs["part_b"].read_metrics()["fake_probability"][-1] < 1e-2
    assert "You predicted it." in printed(executed["ratio-check"])
    table = rows(executed)
    assert abs(table["part_a"]["precision"] - table["part_best"]["precision"]) < 0.05
    assert table["part_b, 4 epochs"]["precision"] < 0.05
    assert max(table["part_a, 4 epochs"]["recall"], table["part_b, 4 epochs"]["recall"]) < 0.05
