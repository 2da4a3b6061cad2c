"""Prints the requirements of the project and of the named extras, one per line, as pip takes them.

    python experiments/requirements.py test cuda

run.sh installs these, and not the project itself: it runs the checkout that it lies in, wherever that is moved.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def requirements(*extras: str) -> list[str]:
    """The dependencies in pyproject.toml, with those of the extras, an extra's own extras among them."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return list(dict.fromkeys([*project["dependencies"], *_of_extras(project, extras)]))


def _of_extras(project: dict, extras: tuple[str, ...]) -> Iterator[str]:
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            name, _, further = line.partition("[")
            if name == project["name"]:
                yield from _of_extras(project, tuple(further.rstrip("]").split(",")))
            else:
                yield line


if __name__ == "__main__":
    print(*requirements(*sys.argv[1:]), sep="\n")
