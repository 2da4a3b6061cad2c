"""Names of what the user can set, as the user writes them: options on the command line, arguments in Python.

Messages of the library say what to do next. The command line says it with its own options, within `command_line()`.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

# Options that have another name in Python.
_ARGUMENTS = {
    "name": "Config(name=...)",
    "epochs": "Config(epochs=...)",
    "out": "out=...",
    "learning_rate": "Hyperparameters(learning_rate=...)",
    "overwrite": "TrainerOptions(overwrite=True)",
    "plugin": "gan_jax.load_plugin",
    "detect_nans": "TrainerOptions(detect_nans=True)",
}
_on_command_line = False
_example: Path | None = None


@contextlib.contextmanager
def command_line(example: Path | None = None) -> Iterator[None]:
    """Write messages for users of the command line while the block runs.

    Args:
        example: a plugin that messages may name; None if there is none.
    """
    global _on_command_line, _example
    before = _on_command_line, _example
    _on_command_line, _example = True, example
    try:
        yield
    finally:
        _on_command_line, _example = before


def on_command_line() -> bool:
    """Tell whether messages are for users of the command line."""
    return _on_command_line


def option(name: str) -> str:
    """Return how the user sets a thing: --name on the command line, Config(name=...) in Python."""
    return f"--{name.replace('_', '-')}" if _on_command_line else _ARGUMENTS[name]


def own_loss() -> str:
    """Return how the user adds a loss, with a path that can be opened where there is one."""
    if not _on_command_line:
        return 'an entry in gan_jax.losses.adversarial.LOSSES: see "A loss" in docs/extending.md'
    if _example is None:
        return '--plugin FILE.py: see "a plugin" in docs/extending.md'
    here = Path.cwd()
    return f"--plugin FILE.py, such as {_example.relative_to(here) if _example.is_relative_to(here) else _example}"


def again() -> str:
    """Return what the user repeats to go on."""
    return "the same command" if _on_command_line else "the same call"


def speaker() -> str:
    """Return the name that lines on standard error begin with."""
    return "run.sh" if _on_command_line else "gan_jax"
