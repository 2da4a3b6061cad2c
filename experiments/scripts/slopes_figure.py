"""The figure of the slopes of both generator losses, experiments/results/slopes.png.

python -m experiments.scripts.slopes_figure FILE
"""

import sys
from pathlib import Path

from gan_jax.plotting.slopes import slopes
from gan_jax.utils.files import save_figure

if __name__ == "__main__":
    save_figure(Path(sys.argv[1]), slopes())
