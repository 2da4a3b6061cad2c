"""Figures of a single run, drawn from the files in its directory."""

from gan_jax.config import Config
from gan_jax.losses.adversarial import losses_at_half
from gan_jax.plotting import figures, image_grid
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import save_animation, save_figure

LAST_FRAME_SECONDS = 2
NAMES = ("learning_curve.png", "diagnostics.png", "samples.gif")


def draw(folder: RunDir, config: Config) -> None:
    """Draw the learning curve, the diagnostics and the animation of the samples."""
    metrics = folder.read_metrics()
    title = f"{config.name}: {config.hparams.loss.replace('_', '-')} loss, {config.dataset}, seed {config.seed}"
    curve = figures.learning_curve(metrics, title, losses_at_half(config.hparams.loss, config.hparams.targets))
    save_figure(folder.path / "learning_curve.png", curve)
    save_figure(folder.path / "diagnostics.png", figures.diagnostics(metrics, title))
    epochs = folder.sampled_epochs()
    frames = image_grid.labeled_frames([folder.read_sample(epoch) for epoch in epochs], epochs)
    durations = [1000 // image_grid.FRAMES_PER_SECOND] * (len(frames) - 1) + [1000 * LAST_FRAME_SECONDS]
    save_animation(folder.path / "samples.gif", frames, durations)
