"""Plugins: a user's own Python files that register losses, penalties and metrics, and the record of them in runs.

A plugin is executed only where the user names its file. Its name and SHA-256 are in the manifest of each run that is
trained with it, so that a run is not continued, or taken for the result, of a function that has changed since.
"""

import hashlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gan_jax.analysis.glossary import MEANINGS
from gan_jax.analysis.metrics import MEASUREMENTS, METRICS
from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.errors import UserError, require
from gan_jax.losses.adversarial import LOSSES, GanLoss
from gan_jax.losses.gradient_penalty import PENALTIES, GradientPenalty, Sampler
from gan_jax.utils.files import read_limited
from gan_jax.utils.interface import on_command_line, option

MAX_BYTES = 2**20
SHORT = 12  # characters of a SHA-256 that are shown
TABLES: dict[str, tuple[dict[str, Any], type]] = {"loss": (LOSSES, GanLoss), "penalty": (PENALTIES, GradientPenalty)}
METRIC_TABLES: list[dict[str, Any]] = [METRICS, MEANINGS, OWN_METRICS]  # which `register_metric` adds to


class Plugin(NamedTuple):
    """File that was executed."""

    file: str  # its name, without directories
    sha256: str

    def __str__(self) -> str:
        return f"{self.file} (SHA-256 {self.sha256[:SHORT]})"


_loaded: dict[str, Plugin] = {}  # by the name of the file, in the order in which they were executed
_places: dict[str, Path] = {}  # of the loaded files, by their names
_registered: dict[str, str] = {}  # the file that registered each loss, penalty or metric, by "loss NAME"


def load_plugin(path: str | Path) -> None:
    """Execute a Python file of your own, which registers losses, penalties or metrics.

    Runs that are trained from then on record the file's name and SHA-256. Load the same file before you continue them.

    Args:
        path: the file, which ends in .py.

    Raises:
        UserError: if it cannot be read, is no Python file, raises an error, has the name of another plugin, or replaces
            what the library or another plugin has.

    >>> from pathlib import Path
    >>> import gan_jax
    >>> lines = ["from gan_jax.losses.adversarial import LOSSES", "LOSSES['mine'] = LOSSES['hinge']"]
    >>> Path("mine.py").write_text("; ".join(lines)) > 0
    True
    >>> gan_jax.load_plugin("mine.py")
    >>> gan_jax.Hyperparameters(loss="mine").loss
    'mine'
    """
    path = Path(path)
    require(path.suffix == ".py", f"the plugin {path} is no Python file: its name must end in .py")
    try:
        source = read_limited(path, MAX_BYTES, links=True)
    except OSError as error:
        raise UserError(f"cannot read the plugin {path}: {error.strerror or error}") from error
    plugin, place = Plugin(path.name, hashlib.sha256(source).hexdigest()), path.resolve()
    if _loaded.get(path.name, plugin) != plugin:  # an edited file may be executed again, but not another one
        require_different_names([_places[path.name], place])
    before = {kind: dict(table) for kind, (table, _) in TABLES.items()}
    metrics, charted = [dict(table) for table in METRIC_TABLES], list(MEASUREMENTS)
    _forget_metrics(path.name)
    try:
        _execute(path, source)
        _require_valid(path, before)
    except UserError:
        for kind, (table, _) in TABLES.items():
            table.clear()
            table.update(before[kind])
        for table, entries in zip(METRIC_TABLES, metrics, strict=True):
            table.clear()
            table.update(entries)
        MEASUREMENTS[:] = charted
        raise
    for kind, (table, _) in TABLES.items():
        _registered.update({f"{kind} {name}": path.name for name in table if table[name] is not before[kind].get(name)})
    own = (name for name in OWN_METRICS if OWN_METRICS[name] is not metrics[-1].get(name))
    _registered.update({f"metric {name}": path.name for name in own})
    _loaded[path.name], _places[path.name] = plugin, place


def require_different_names(files: Sequence[Path]) -> None:
    """Raise UserError if two of the files have one name, by which runs record them."""
    places: dict[str, Path] = {}
    for file in files:
        other = places.setdefault(file.name, file.resolve())
        require(other == file.resolve(), f"two plugins are called {file.name}: rename one of {other} and {file}")


def manifest_entries() -> list[dict[str, str]]:
    """Return the loaded plugins as JSON values, for the manifest of a run."""
    return [plugin._asdict() for plugin in _loaded.values()]


def require_same_plugins(path: Path, manifest: dict[str, Any]) -> None:
    """Raise UserError, which says what to do, unless a run was trained with just the plugins that are loaded.

    Args:
        path: the run's directory.
        manifest: its manifest.
    """
    there, here = recorded(manifest), list(_loaded.values())
    if set(there) == set(here):
        return
    for plugin in there:
        now = _loaded.get(plugin.file)
        if now is not None and now != plugin:
            raise UserError(
                f"{path} was trained with the plugin {plugin}, which has changed since: it is now {now}. Use the file "
                f"as it was; or give the function another name, and the run another {option('name')}; or rerun with "
                f"{option('overwrite')}, which deletes the run"
            )
    with_, without = (_listed(plugins) for plugins in (there, here))
    remedy = _load(there[0]) if there else f"leave out {option('plugin')}"
    raise UserError(
        f"{path} was trained with {with_}, not with {without}: {remedy}, choose another {option('name')}, or rerun "
        f"with {option('overwrite')}, which deletes the run"
    )


def missing_plugins(manifest: dict[str, Any]) -> str:
    """Say which plugins a run was trained with that are not loaded; nothing if all of them are."""
    missing = [plugin for plugin in recorded(manifest) if plugin.file not in _loaded]
    if not missing:
        return ""
    return f"it was trained with {_listed(missing)}: {_load(missing[0])}"


def recorded(manifest: dict[str, Any]) -> list[Plugin]:
    """Return the plugins that a manifest names."""
    return [Plugin(entry["file"], entry["sha256"]) for entry in manifest.get("plugins", [])]


def _load(plugin: Plugin) -> str:
    """Say how the user loads a plugin."""
    name = plugin.file
    return f"give --plugin {name}" if on_command_line() else f"call gan_jax.load_plugin({name!r}) first"


def _listed(plugins: Sequence[Plugin]) -> str:
    if not plugins:
        return "no plugin"
    return f"the plugin{'s' if len(plugins) > 1 else ''} {' and '.join(map(str, plugins))}"


def _execute(path: Path, source: bytes) -> None:
    """Execute a file as a module of its own. Raises UserError with the line of the file that failed."""
    module = ModuleType(f"gan_jax_plugin_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise UserError(f"the plugin {path}{where} is no Python: {error.msg}") from error
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        reason = f"{type(error).__name__}: {error}" if not isinstance(error, UserError) else str(error)
        raise UserError(f"the plugin {path}{where} failed: {reason}") from error


def _require_valid(path: Path, before: dict[str, dict[str, Any]]) -> None:
    """Refuse entries that the tables cannot hold, and entries that replace those of others."""
    for kind, (table, entry) in TABLES.items():
        for name in before[kind]:
            same = table.get(name) is before[kind][name] or _registered.get(f"{kind} {name}") == path.name
            owner = f" of {_registered[f'{kind} {name}']}" if f"{kind} {name}" in _registered else ""
            require(same, f"the plugin {path} replaces the {kind} {name!r}{owner}: choose another name")
        for name, value in table.items():
            fits = isinstance(value, entry) and isinstance(name, str) and name.isidentifier()
            require(fits, f"the plugin {path}: the {kind} {name!r} must be a {entry.__name__} under a name of letters")
    taken: dict[int, str] = {}
    for name, penalty in PENALTIES.items():
        for key in penalty.points.keys if isinstance(penalty.points, Sampler) else ():
            shared = taken.setdefault(key, name)
            message = f"the plugin {path}: the penalty {name!r} has the key number {key} of {shared!r}: take another"
            require(shared == name, message)


def _forget_metrics(file: str) -> None:
    """Take the metrics of a plugin out of the tables, since it is executed again."""
    for name in [name for name in OWN_METRICS if _registered.get(f"metric {name}") == file]:
        for table in METRIC_TABLES:
            table.pop(name, None)
        if name in MEASUREMENTS:
            MEASUREMENTS.remove(name)
