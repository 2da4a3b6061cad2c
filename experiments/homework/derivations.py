"""Derivations of the mathematics as HTML with MathML, with the residuals of the checks beside the steps."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

import typst
from markupsafe import Markup, escape

# Formulas may be wider than a phone, so that each scrolls in its own box.
_FORMULA = re.compile(r'(<math display="block">.*?</math>)', re.DOTALL)
_INLINE_FORMULA = re.compile(r"(<math>.*?</math>)", re.DOTALL)
_SIGNS = {"<=": "\N{LESS-THAN OR EQUAL TO}", ">=": "\N{GREATER-THAN OR EQUAL TO}"}
_CHECK = re.compile(r"\(checked by <code>(\w+)</code>\)")


class Measured(NamedTuple):
    """Outcome of a check over all of its subjects."""

    residual: float | None  # the worst one; None if any is NaN
    relation: str  # required between residual and bound
    bound: float
    passed: bool

    def text(self) -> str:
        """Format as in: 2e-15 ≤ 1e-12."""
        residual = "not a number" if self.residual is None else f"{self.residual:.3g}"
        return f"{residual} {_SIGNS.get(self.relation, self.relation)} {self.bound:.3g}"


def derivation(name: str, found: Mapping[str, Measured]) -> tuple[Markup, str]:
    """Typeset a derivation of math_checks as part of a page, with headings from the third level on, and its style.

    Args:
        name: "ridge" or "change_of_variables".
        found: outcomes by check; a check without one is shown by name only.
    """
    page = typst.compile(str(files("math_checks") / "derivations" / f"{name}.typ"), format="html")
    text = page.decode() if isinstance(page, bytes) else str(page)
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    body = text[text.index("<body>") + len("<body>") : text.rindex("</body>")]
    body = re.sub(r"^<h2>.*?</h2>", "", body)  # the page has its own heading

    def measured(match: re.Match[str]) -> str:
        check = match[1]
        words = check.replace("_", " ")
        if check not in found:
            return f'<span class="check">{words}</span>'
        mark, outcome = "✓" if found[check].passed else "✗", escape(found[check].text())
        return f'<a class="check" href="#{check_id(name, check)}">{mark} {words} {outcome}</a>'

    body = _FORMULA.sub(r'<div class="formula">\1</div>', body)
    body = _INLINE_FORMULA.sub(r'<span class="inline-formula">\1</span>', body)
    return Markup(_CHECK.sub(measured, body)), style


def check_id(name: str, check: str) -> str:
    """Make the id of a check's first row in the table of checks."""
    return f"{name}-{check}"
