"""Names of what the user can set, as the user writes them: options on the command line, arguments in Python.

Messages of the library say what to do next. The command line says it with its own options, within `command_line()`.
"""

import contextlib
from collections.abc import Iterator

# Options that have another name in Python.
_ARGUMENTS = {
    "name": "Config(name=...)",
    "epochs": "Config(epochs=...)",
    "out": "out=...",
    "learning_rate": "Hyperparameters(learning_rate=...)",
    "overwrite": "TrainerOptions(overwrite=True)",
    "plugin": "load_plugin(path)",
    "detect_nans": "TrainerOptions(detect_nans=True)",
}
_on_command_line = False


@contextlib.contextmanager
def command_line() -> Iterator[None]:
    """Write messages for users of the command line while the block runs."""
    global _on_command_line
    before, _on_command_line = _on_command_line, True
    try:
        yield
    finally:
        _on_command_line = before


def on_command_line() -> bool:
    """Tell whether messages are for users of the command line."""
    return _on_command_line


def option(name: str) -> str:
    """Return how the user sets a thing: --name on the command line, Config(name=...) in Python."""
    return f"--{name.replace('_', '-')}" if _on_command_line else _ARGUMENTS[name]


def again() -> str:
    """Return what the user repeats to go on."""
    return "the same command" if _on_command_line else "the same call"


def speaker() -> str:
    """Return the name that lines on standard error begin with."""
    return "run.sh" if _on_command_line else "gan_jax"
