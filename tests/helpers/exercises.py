"""The exercise notebooks' cells of code, run without a kernel, and verdicts without the printing."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from experiments.exercises.verdicts import Verdict
from experiments.scripts.make_exercises import EXERCISES, SOLUTIONS

ANSWERS = ("d-loss", "g-losses", "predict", "ratio", "detach", "optimal", "turns", "schedule", "collapse", "frechet",
           "bits", "own")  # fmt: skip


def answers(notebook: Path) -> dict[str, Any]:
    """Run the cells that hold answers, and return what they define."""
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]}
    names: dict[str, Any] = {}
    exec("import jax\nimport jax.numpy as jnp\nimport numpy as np\nimport gan_jax", names)
    for name in ANSWERS:
        exec(cells[name], names)
    return names


def solutions() -> dict[str, Any]:
    """Return the answers of the solved notebook."""
    return answers(SOLUTIONS)


def blanks() -> dict[str, Any]:
    """Return the answers of the exercise notebook: none."""
    return answers(EXERCISES)


def assert_refused(check: Any, given: dict[str, Any], words: str) -> None:
    """Assert that a check of answers by name refuses these and says why; it gets the solution for each None."""
    right = solutions()
    found = verdict(check, *(right[name] if answer is None else answer for name, answer in given.items()))
    assert not found
    assert words in found.message


def verdict(check: Any, *given: Any) -> Verdict:
    """Check answers, and assert that the verdict is printed as it is returned."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = check(*given)
    assert printed.getvalue() == f"{found}\n"
    return found
