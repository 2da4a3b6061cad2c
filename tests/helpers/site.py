"""Modules beside docs/conf.py, which are on Sphinx's path alone."""

import importlib.util
from types import ModuleType

from tests.helpers.printed import ROOT


def module_of_the_site(name: str) -> ModuleType:
    """Import docs/NAME.py."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
