"""Progress of a run as the library shows it, for the commands."""

from gan_jax.runs.progress import duration, epochs_work, progress_callbacks, say

__all__ = ["duration", "epochs_work", "progress_callbacks", "say"]
