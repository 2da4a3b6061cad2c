"""Colors and line styles: Okabe and Ito's (2008) colors, which color-blind readers tell apart.

Each quantity has the same color everywhere; the page has colors of the same names, lighter in its dark theme.
"""

GENERATOR, DISCRIMINATOR, ACCURACY = "#D55E00", "#0072B2", "#009E73"
# Okabe and Ito's yellow is left out, since it is faint on white; the last color is Tol's (2021) wine.
RUN_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
REFERENCE = "#777777"

COLORS = {
    "generator": GENERATOR,
    "discriminator": DISCRIMINATOR,
    "accuracy": ACCURACY,
    "reference": REFERENCE,
    **{f"run-{place}": color for place, color in enumerate(RUN_COLORS)},
}


def dash_pattern(style: int) -> tuple[float, ...]:
    """Return the lengths of strokes and gaps in line widths: none for style 0, or a dash and style - 1 dots.

    Each style has a pattern of its own, so that any number of lines can share a color.
    """
    return () if style == 0 else (4, 1.6, *(1, 1.6) * (style - 1))


def line_style(style: int) -> str | tuple[float, tuple[float, ...]]:
    """Return matplotlib's line style for a dash style."""
    return "-" if style == 0 else (0, dash_pattern(style))
