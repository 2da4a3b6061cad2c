"""The exercise notebook, made of the solved one by taking the solutions out.

.venv/bin/python -m experiments.scripts.make_exercises

In a cell of code, the lines from `# BEGIN SOLUTION` to `# END SOLUTION` become `...`, or what stands behind the first
marker, as in `# BEGIN SOLUTION: answer = ...`. A cell of text with the tag `answer` becomes a place to write, and one
with the tag `solutions` is left out. Outputs are left out, too.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from gan_jax.utils.files import write_text

SOLUTIONS = Path(__file__).parents[1] / "exercises_solutions.ipynb"
EXERCISES = SOLUTIONS.with_name("exercises.ipynb")
SOLUTION = re.compile(
    r"^(?P<indent> *)# BEGIN SOLUTION(?:: (?P<blank>.*))?\n(?:.*\n)*?(?P=indent)# END SOLUTION$", re.MULTILINE
)
MARKER = re.compile(r"# (BEGIN|END) SOLUTION")
BLANK = "...  # your code"
ANSWER = "*Your answer* (double-click to write):"
Notebook = dict[str, Any]


def without_solutions(solved: Notebook) -> Notebook:
    """Make the exercise notebook of the solved one. Raises ValueError for a marker without its other half."""
    cells = [_without_solution(cell) for cell in solved["cells"] if "solutions" not in _tags(cell)]
    return solved | {"cells": cells}


def _tags(cell: Notebook) -> list[str]:
    return cell["metadata"].get("tags", [])


def _without_solution(cell: Notebook) -> Notebook:
    source = "".join(cell["source"])
    if cell["cell_type"] == "code":
        source = SOLUTION.sub(lambda found: f"{found['indent']}{found['blank'] or BLANK}", source)
        if MARKER.search(source):
            raise ValueError(f"cell {cell['id']}: a solution's BEGIN or END has no other half")
        return cell | {"source": source.splitlines(keepends=True), "outputs": [], "execution_count": None}
    if "answer" in _tags(cell):
        return cell | {"source": [ANSWER], "metadata": {}}
    return cell


def as_text(notebook: Notebook) -> str:
    """Format a notebook as Jupyter does."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write experiments/exercises.ipynb."""
    write_text(EXERCISES, as_text(without_solutions(json.loads(SOLUTIONS.read_text("utf-8")))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
