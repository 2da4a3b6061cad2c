"""A run's own figures, drawn from what its folder holds."""

from PIL import Image

from gan_jax import figures
from gan_jax.config import Config
from gan_jax.files import replacing, save_figure
from gan_jax.run_folder import RunFolder

FRAMES_PER_SECOND = 8
LAST_FRAME_SECONDS = 2
GREYS = 16  # of the animation: half the size that 256 give, and hard to tell from them
NAMES = ("learning_curve.png", "diagnostics.png", "samples.gif")


def draw(folder: RunFolder, config: Config) -> None:
    """Draw the learning curve, the diagnostics and the animation of the samples."""
    metrics = folder.read_metrics()
    title = f"{config.name}: {config.setting.loss.replace('_', '-')} loss, {config.dataset}, seed {config.seed}"
    curve = figures.learning_curve(metrics, title, saturating=config.setting.loss == "saturating")
    save_figure(folder.path / "learning_curve.png", curve)
    save_figure(folder.path / "diagnostics.png", figures.diagnostics(metrics, title))
    epochs = folder.sampled_epochs()
    frames = figures.labelled_frames([folder.read_sample(epoch) for epoch in epochs], epochs)
    first, *rest = (Image.fromarray(frame).quantize(GREYS) for frame in frames)
    durations = [1000 // FRAMES_PER_SECOND] * len(rest) + [1000 * LAST_FRAME_SECONDS]
    with replacing(folder.path / "samples.gif") as temporary:
        first.save(temporary, save_all=True, append_images=rest, duration=durations, loop=0)
