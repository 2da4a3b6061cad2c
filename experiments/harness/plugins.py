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
    from gan_jax.runs.plugins import load_plugin, require_different_names

    require_different_names(files)
    for file in files:
        load_plugin(file)
