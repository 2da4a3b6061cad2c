"""The figure of why part_c4 draws ones, experiments/results/digits/digits.png, from two runs measured digit by digit.

python -m experiments.scripts.digits_figure PART_A PART_C4 FILE      the directories of the runs
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gan_jax.analysis import takeover
from gan_jax.analysis.metrics import DIGITS, by_digit, digit_shares
from gan_jax.plotting import panels
from gan_jax.plotting.style import RUN_COLORS
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import save_figure

DIGIT = 1
COLUMNS = ("digit_fake_probability", "digit_real_probability", "digit_share", "digit_gradient_share")
FEW = 0.02  # share below which the distance of a digit's samples rests on at most 200 of them


def draw(runs: dict[str, Path]) -> Figure:
    """Draw D's answers, the shares of samples and gradient, and how alike digits are: a row for each run.

    The bars are pale where fewer than FEW of the samples are the digit.
    """
    figure = Figure(figsize=(14, 5.6), layout="constrained")
    grid = figure.subplots(len(runs), len(COLUMNS) + 1)
    titles = {title: name for name, (title, _) in takeover.CHARTED.items()}
    for row, (name, path) in zip(grid, runs.items(), strict=True):
        metrics = RunDir(path).read_metrics()
        charts = {titles[chart.title]: chart for chart in takeover.charts(metrics, DIGIT)}
        for axis, column in zip(row, COLUMNS, strict=False):
            panels.draw(axis, charts[column])
            axis.set_title(f"{name}: {charts[column].title.removesuffix(', by digit')}", fontsize=9)
        measured = np.flatnonzero(np.isfinite(by_digit(metrics, "digit_real_spread")).all(axis=1))[-1]
        spreads = by_digit(metrics, "digit_real_spread")[measured], by_digit(metrics, "digit_spread")[measured]
        for place, (label, values) in enumerate(zip(("real", "samples"), spreads, strict=True)):
            bars = row[-1].bar(np.arange(DIGITS) + 0.4 * place - 0.2, values, 0.4, label=label, color=RUN_COLORS[place])
            for bar, share in zip(bars, digit_shares(metrics)[measured], strict=True):
                bar.set_alpha(0.3 if place == 1 and share < FEW else 1)
        row[-1].set_title(f"{name}: spread of a digit's images", fontsize=9)
        row[-1].set(xlabel="digit", xticks=range(DIGITS), ylabel="distance from their mean")
        row[-1].set_ylim(0, 18)  # room for the legend
        row[-1].legend(frameon=False, fontsize=8, ncols=2)
    grid[0, 0].legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    first, second, file = map(Path, sys.argv[1:])
    save_figure(file, draw({"part_a": first, "part_c4": second}))
