"""Colors and line styles: Okabe and Ito's (2008) colors, which color-blind readers tell apart.

Each quantity has the same color everywhere; the page has colors of the same names, lighter in its dark theme.
"""

GENERATOR, DISCRIMINATOR, ACCURACY = "#D55E00", "#0072B2", "#009E73"
# Okabe and Ito's yellow is left out, since it is faint on white; the last color is Tol's (2021) wine.
RUN_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
DASHES = ("-", (0, (6, 1.5)), (0, (6, 1.5, 1.5, 1.5)))  # with eight colors, 24 different lines
REFERENCE = "#777777"

COLORS = {
    "generator": GENERATOR,
    "discriminator": DISCRIMINATOR,
    "accuracy": ACCURACY,
    "reference": REFERENCE,
    **{f"run-{place}": color for place, color in enumerate(RUN_COLORS)},
}
