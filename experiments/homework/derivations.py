"""The derivations of the mathematics as HTML with MathML, each step with what its check measured."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

import typst
from markupsafe import Markup, escape

# Formulas may be wider than a phone: each scrolls in a box of its own.
_FORMULA = re.compile(r'(<math display="block">.*?</math>)', re.DOTALL)
_INLINE_FORMULA = re.compile(r"(<math>.*?</math>)", re.DOTALL)
_SIGNS = {"<=": "\N{LESS-THAN OR EQUAL TO}", ">=": "\N{GREATER-THAN OR EQUAL TO}"}
_CHECK = re.compile(r"\(checked by <code>(\w+)</code>\)")


class Measured(NamedTuple):
    """Outcome of a check over all that it was measured on."""

    residual: float | None  # the one nearest the bound, or beyond; None where one is not a number
    relation: str  # that it must have to the bound
    bound: float
    passed: bool

    def told(self) -> str:
        """For a line: 2e-15 ≤ 1e-12."""
        residual = "not a number" if self.residual is None else f"{self.residual:.3g}"
        return f"{residual} {_SIGNS.get(self.relation, self.relation)} {self.bound:.3g}"


def derivation(name: str, found: Mapping[str, Measured]) -> tuple[Markup, str]:
    """A derivation of math_checks as a piece of a page, its headings from the third level on, and its style.

    Args:
        name: "ridge" or "change_of_variables".
        found: by check; one that is not there is named alone.
    """
    page = typst.compile(str(files("math_checks") / "derivations" / f"{name}.typ"), format="html")
    text = page.decode() if isinstance(page, bytes) else str(page)
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    body = text[text.index("<body>") + len("<body>") : text.rindex("</body>")]
    body = re.sub(r"^<h2>.*?</h2>", "", body)  # the page has a heading for it

    def measured(match: re.Match[str]) -> str:
        check = match[1]
        words = check.replace("_", " ")
        if check not in found:
            return f'<span class="check">{words}</span>'
        mark, told = "✓" if found[check].passed else "✗", escape(found[check].told())
        return f'<a class="check" href="#{check_id(name, check)}">{mark} {words} {told}</a>'

    body = _FORMULA.sub(r'<div class="formula">\1</div>', body)
    body = _INLINE_FORMULA.sub(r'<span class="inline-formula">\1</span>', body)
    return Markup(_CHECK.sub(measured, body)), style


def check_id(name: str, check: str) -> str:
    """Return the id of a check's first row in the table of all checks."""
    return f"{name}-{check}"
