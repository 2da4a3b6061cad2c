"""Option --plugin of the commands that train runs or show them: the user's own Python files."""

from collections.abc import Sequence
from pathlib import Path


def load_plugins(files: Sequence[Path] | None) -> None:
    """Execute the files in order.

    Raises:
        UserError: if one is missing, is no Python file or fails, or two have one name, by which runs record them.
    """
    if not files:
        return
    from gan_jax.errors import require
    from gan_jax.runs.plugins import load_plugin

    names = [file.name for file in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"two plugins are called {twice}: rename one")
    for file in files:
        load_plugin(file)
