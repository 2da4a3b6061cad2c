"""Notebooks, run from top to bottom in a kernel of their own."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

Cells = dict[str, nbformat.NotebookNode]  # a notebook's cells by name

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells_of(notebook: nbformat.NotebookNode) -> Cells:
    return {cell.id: cell for cell in notebook.cells}


def execute_notebook(path: Path, folder: Path, parameters: str, cache: Path) -> Cells:
    """Run a notebook in a directory, with a line added to its parameters, and return its cells."""
    notebook = nbformat.read(path, as_version=4)
    [cell] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source += f"\n{parameters}"
    with pytest.MonkeyPatch.context() as patched:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patched.setenv(name, str(folder / name))
        patched.setenv("JAX_COMPILATION_CACHE_DIR", str(cache / "gan_jax" / "xla"))
        patched.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return cells_of(notebook)


def printed(cell: nbformat.NotebookNode) -> str:
    """Return what a cell printed, without what it wrote to standard error."""
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def errors(cells: Cells) -> list[tuple[str, str]]:
    """Return what each cell wrote to standard error."""
    return [
        (name, output.text)
        for name, cell in cells.items()
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    ]


def shown(cell: nbformat.NotebookNode, kind: str) -> list[str]:
    """Return a cell's outputs of one MIME type."""
    return [output.data[kind] for output in cell.get("outputs", []) if kind in output.get("data", {})]
