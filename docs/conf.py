"""Configuration of the documentation site, which `./run.sh docs` builds into docs/_build/html."""

import sys
import typing
from pathlib import Path

import jax.numpy  # noqa: F401  # before TYPE_CHECKING is set
from sphinx.application import Sphinx

import gan_jax

sys.path.insert(0, str(Path(__file__).parent))  # of the modules beside this one, which are no package

typing.TYPE_CHECKING = True  # the losses import JAX lazily: so their signatures say Array rather than Any
import gan_jax.losses.adversarial  # noqa: E402
import gan_jax.losses.gradient_penalty  # noqa: E402

typing.TYPE_CHECKING = False
import docstrings  # noqa: E402
from generated import fill_in  # noqa: E402

project = "gan_jax"
author = "The gan_jax authors"
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "gan_jax"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False

myst_heading_anchors = 3  # links to headings work as on a forge's pages
myst_enable_extensions = ["deflist"]
highlight_language = "none"
smartquotes_action = "D"  # dashes alone: quotes stay as they are typed
copybutton_exclude = ".linenos, .gp, .go, .c1"  # comments behind a command are not copied

default_role = "code"  # `name` in a docstring is code
maximum_signature_line_length = 100
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Types of other packages, and of the standard library: their pages are elsewhere, and the site reads no network.
nitpick_ignore_regex = [(r"py:.*", r"(?!gan_jax\.).*")]

for name in gan_jax.__all__:
    getattr(gan_jax, name)  # imported at its first use: autodoc shows what is there


def _fill_in(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = fill_in(source[0])


def _before_napoleon(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    lines[:] = docstrings.as_restructured_text(lines)


def _after_napoleon(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    if lines and lines[0].startswith("Alias for field number"):
        lines[:] = docstrings.field_comment(name)


def _signature(
    app: Sphinx, what: str, name: str, found: object, options: object, signature: str, returned: str
) -> tuple[str, str] | None:
    replaced = docstrings.signature(found)
    return None if replaced is None else (replaced, returned)


def setup(app: Sphinx) -> None:
    app.connect("source-read", _fill_in)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=400)  # napoleon reads the sections at 500
    app.connect("autodoc-process-docstring", _after_napoleon, priority=600)
    app.connect("autodoc-process-signature", _signature)
