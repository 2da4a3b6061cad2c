"""Telling how a run goes: a progress bar on a terminal, a plain line an epoch elsewhere."""

import sys
import time

from tqdm import tqdm

from gan_jax.config import Config
from gan_jax.run_folder import Row
from gan_jax.runs import Listener


class Progress:
    """A run's progress on standard output; `listener` is what `gan_jax.runs.train` asks for."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._started = time.perf_counter()
        self._epochs_seen = 0

    @property
    def listener(self) -> Listener:
        return Listener(say=self.say, epoch=self.epoch)

    def say(self, text: str) -> None:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def epoch(self, row: Row, config: Config) -> None:
        """Show a finished epoch with both losses, the rate and the time left."""
        self._epochs_seen += 1
        epoch = int(row["epoch"])
        losses = f"D {row['discriminator_loss']:.3f}  G {row['generator_loss']:.3f}"
        if not sys.stdout.isatty():
            verdicts = f"D(x) {row['real_probability']:.3f}  D(G(z)) {row['fake_probability']:.2g}"
            left = (time.perf_counter() - self._started) / self._epochs_seen * (config.epochs - epoch)
            timing = f"{row['seconds']:.1f} s  {_minutes(left)} left"
            self.say(f"epoch {epoch:3d}/{config.epochs}  loss {losses}  {verdicts}  {timing}")
            return
        if self._bar is None:
            self._bar = tqdm(total=config.epochs, initial=epoch - 1, unit="epoch", desc=config.name, file=sys.stdout)
        self._bar.set_postfix_str(losses, refresh=False)
        self._bar.update()
        if epoch == config.epochs:
            self._bar.close()


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
