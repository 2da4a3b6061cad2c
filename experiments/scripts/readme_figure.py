"""The figure at the top of README.md, drawn from the shipped runs.

python -m experiments.scripts.readme_figure FILE
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.homework.report import SHIPPED
from gan_jax.analysis.metrics import with_largest_share
from gan_jax.plotting.style import COLORS
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import save_figure

FATES = {
    "part_a": "G minimizes -log D(G(z)): it learns",
    "part_b": "log(1 - D(G(z))): its gradient vanishes",
    "part_c4": "four steps of D for each of G: mostly ones",
}
CURVES: dict[str, dict[str, Any]] = {
    "generator_gradient_norm": dict(title="norm of G's gradient", yscale="log"),
    "frechet": dict(title="Fréchet distance from real digits", yscale="log", yticks=(300, 1000, 3000)),
    "largest_share": dict(title="share of the most frequent digit", ylim=(0, 1.05)),
}
ROWS = 5  # of samples, of 30 pixels each


def draw() -> Figure:
    """Draw samples of three runs after epoch 100, and below them the metrics that explain them."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    pictures, curves = figure.subplots(2, len(FATES), height_ratios=(1.5, 1))
    for place, ((name, fate), picture) in enumerate(zip(FATES.items(), pictures, strict=True)):
        run, color = RunDir(SHIPPED / name), COLORS[f"run-{place}"]
        picture.imshow(run.read_sample(100)[: 2 + 30 * ROWS], cmap="gray")
        picture.set_axis_off()
        picture.set_title(f"{name}\n{fate}", color=color, fontsize=10)
        metrics = with_largest_share(run.read_metrics())
        for axis, (column, style) in zip(curves, CURVES.items(), strict=True):
            measured = np.isfinite(metrics[column])
            axis.plot(metrics["epoch"][measured], metrics[column][measured], color=color, linewidth=1.8)
            axis.set(xlabel="epoch", **style)
            axis.minorticks_off()
            axis.yaxis.set_major_formatter("{x:g}")
            axis.title.set_fontsize(10)
            axis.grid(alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    save_figure(Path(sys.argv[1]), draw())
