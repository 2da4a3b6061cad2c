"""The API pages in docs/api, made by pdoc of the docstrings; `./run.sh docs` runs it with warnings as errors."""

import inspect
import pkgutil
import re
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pdoc

import gan_jax
import math_checks

PAGES = Path(__file__).parent / "api"
FIELD = re.compile(r"^    (\w+): [^#\n]*# (.*)$", re.MULTILINE)


def must_be_named(name: str) -> bool:
    """Whether pdoc does not find a module by itself: it passes over what a package's `__all__` leaves out."""
    package, _, own = name.rpartition(".")
    public = getattr(sys.modules[package], "__all__", None)
    return public is not None and own not in public


def document_fields(module: ModuleType) -> None:
    """Give a NamedTuple's fields the comments beside them, in the place of "Alias for field number 0"."""
    for each in vars(module).values():
        if inspect.isclass(each) and issubclass(each, tuple) and each.__module__ == module.__name__:
            each.__new__.__doc__ = None
            comments = dict(FIELD.findall(inspect.getsource(each)))
            for name in each._fields:
                getattr(each, name).__doc__ = comments.get(name)


names = []
for package in (gan_jax, math_checks):
    names += [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in names:
    document_fields(import_module(name))
for name in gan_jax.__all__:
    getattr(gan_jax, name)  # has it imported: pdoc shows what is there, and does not ask for more

# optax's states are chex's ArrayTree, which names itself in a way that cannot be resolved from elsewhere.
warnings.filterwarnings("ignore", "Error parsing type annotation .*Import of ArrayTree failed")
shutil.rmtree(PAGES, ignore_errors=True)
pdoc.render.configure(docformat="google")
pdoc.pdoc(
    "gan_jax",
    *filter(must_be_named, names),
    "!gan_jax.api$",  # its names are those of gan_jax
    "math_checks",
    output_directory=PAGES,
)
print(f"docs: {PAGES / 'index.html'}")
