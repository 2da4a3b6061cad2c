"""The figure at the top of README.md, drawn from the shipped runs.

python -m experiments.scripts.readme_figure FILE
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from experiments.homework.report import SHIPPED
from gan_jax.analysis.charts import compare_metrics
from gan_jax.analysis.judgement import with_largest_share
from gan_jax.plotting import panels
from gan_jax.plotting.style import COLORS
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import save_figure

FATES = {
    "part_a": "-log D(G(z)): it learns",
    "part_b": "log(1 - D(G(z))): it dies",
    "part_c4": "4 D steps: mostly ones",
    "part_best": "seven published changes",
}
CURVES = ("generator_gradient_norm", "frechet", "largest_share", "coverage")
ROWS = 5  # of samples, of 30 pixels each


def draw() -> Figure:
    """Draw samples of four runs after epoch 100, and below them the metrics that explain them."""
    figure = Figure(figsize=(12, 4.3), layout="constrained")
    pictures, curves = figure.subplots(2, len(FATES), height_ratios=(1.5, 1))
    groups = {name: [with_largest_share(RunDir(SHIPPED / name).read_metrics())] for name in FATES}
    for place, ((name, fate), picture) in enumerate(zip(FATES.items(), pictures, strict=True)):
        picture.imshow(RunDir(SHIPPED / name).read_sample(100)[: 2 + 30 * ROWS], cmap="gray")
        picture.set_axis_off()
        picture.set_title(f"{name}\n{fate}", color=COLORS[f"run-{place}"], fontsize=10)
    for axis, chart in zip(curves, compare_metrics(groups, CURVES), strict=True):
        panels.draw(axis, chart)
    return figure


if __name__ == "__main__":
    save_figure(Path(sys.argv[1]), draw())
