"""Recorder of a run, whichever trainer trains it: its manifest, metrics, samples and figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from gan_jax.analysis.judgement import REJECTED, judge, warnings
from gan_jax.analysis.metrics import describe
from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.config import Config
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import DivergedError
from gan_jax.evaluation import DiscriminatorFns, Reference
from gan_jax.evaluation.sample_metrics import compute_sample_metrics, sample_count
from gan_jax.losses.adversarial import LOSSES
from gan_jax.plotting import image_grid
from gan_jax.runs import run_figures
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.provenance import provenance
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import MetricsRow, RunDir, columns_of
from gan_jax.runs.tensorboard import EventWriter
from gan_jax.training.apply_fns import sample_latents
from gan_jax.training.prng import Stream
from gan_jax.utils.interface import option

SAMPLE_COUNT = 64
HISTOGRAM_IMAGES = 1000  # real and generated images each, in the histograms of D's output
GRID_EPOCHS = (1, 50, 100)  # drawn whatever `samples_every` says: the homework asks for them


@dataclass(frozen=True)
class ModelFns:
    """A run's networks as functions of arrays, which the recorder samples, draws and evaluates."""

    generate: Callable[[jax.Array], jax.Array]  # latents float32 (n, 128) -> images float32 (n, 784) in [-1, 1]
    discriminate: Callable[[jax.Array], jax.Array]  # images like those -> D(x) without dropout, float32 (n,) in [0, 1]
    generate_without_ema: Callable[[jax.Array], jax.Array] | None = None  # G itself, if `generate` is its average
    by_digit: DiscriminatorFns | None = None  # None if D(x) of a single image has no meaning


@dataclass
class RunRecorder:
    """Record of a run in progress: its directory, configuration and manifest, and the metrics so far."""

    folder: RunDir
    config: Config
    manifest: dict[str, Any]
    assert_lock_held: Callable[[], None]  # raises UserError if the directory has been deleted or moved meanwhile
    rows: list[MetricsRow] = field(default_factory=list)
    events: EventWriter | None = None  # with --tensorboard
    _rejected: bool = False  # in the epoch before, D rejected every sample

    def start(self) -> None:
        """Write the configuration and the manifest before training, keeping the provenance of earlier epochs."""
        done, before = len(self.rows), self.folder.read_manifest()
        earlier = [segment for segment in before.get("earlier", []) if segment["until_epoch"] < done]
        if done:
            kept = {*provenance(), "seeds_together"}
            earlier.append({"until_epoch": done} | {name: value for name, value in before.items() if name in kept})
        self.manifest["earlier"] = earlier
        self.folder.write_config(self.config)
        self.folder.write_manifest(self.manifest)
        if self.events is not None:
            self.events.start(done)

    def log_epoch(self, discriminator_steps: int, infos: Mapping[str, np.ndarray], seconds: float) -> None:
        """Append a row of metrics: the means over the epoch's iterations, in float64.

        Raises:
            DivergedError: if a value is not finite; the manifest says so, and nothing else is written.
        """
        epoch = len(self.rows) + 1
        try:
            require_finite(self.config.name, epoch, infos)
        except DivergedError as error:
            self.folder.write_manifest(self.manifest | {"diverged": error.reason})
            raise
        means = {name: float(np.mean(values, dtype=np.float64)) for name, values in infos.items()}
        counts = {"epoch": epoch, "discriminator_steps": discriminator_steps}
        self.rows.append({**counts, **means, "seconds": round(seconds, 3)})

    def evaluate_and_save(
        self, model_fns: ModelFns, run_data: RunData, trainer_options: TrainerOptions, callbacks: Callbacks
    ) -> None:
        """Evaluate and draw samples of the last row's epoch, each where it is due, and write the metrics."""
        self.assert_lock_held()
        epoch = len(self.rows)
        last = epoch == self.config.epochs
        grid = None
        evaluated = last or bool(trainer_options.evaluate_every and epoch % trainer_options.evaluate_every == 0)
        if evaluated:
            self._evaluate(model_fns, run_data.reference, callbacks)
        self._log_warnings(evaluated, callbacks)
        if last or epoch % trainer_options.samples_every == 0 or epoch in GRID_EPOCHS:
            grid = image_grid.grid(model_fns.generate(self._latents(Stream.SAMPLES, SAMPLE_COUNT)))
            self.folder.write_sample(epoch, grid)
        self.folder.write_rows(self.rows)
        if self.events is not None:
            images = {
                "real": to_unit_range(run_data.dataset.train_images[:HISTOGRAM_IMAGES]),
                "generated": model_fns.generate(self._latents(Stream.DISCRIMINATOR_OUTPUT, HISTOGRAM_IMAGES)),
            }
            outputs = {name: np.asarray(model_fns.discriminate(batch)) for name, batch in images.items()}
            self.events.add_epoch(epoch, self.rows[-1], grid, outputs)

    def finish(self, params_sha256: str) -> None:
        """Draw the figures, then mark the run as finished in the manifest, with the digest of its parameters."""
        self.assert_lock_held()
        run_figures.draw(self.folder, self.config)
        self.manifest |= {
            "epochs": self.config.epochs,
            "training_seconds": round(sum(row["seconds"] for row in self.rows), 1),
            "params_sha256": params_sha256,
        }
        self.folder.write_manifest(self.manifest)

    def _latents(self, stream: Stream, count: int) -> jax.Array:
        return sample_latents(jax.random.key(self.config.seed), stream, count)

    def _evaluate(self, model_fns: ModelFns, reference: Reference, callbacks: Callbacks) -> None:
        """Add the sample metrics to the last row, and log them."""
        channels = self.config.hparams.stacked_digits
        latents = self._latents(Stream.EVALUATION, sample_count(reference, channels))
        found = compute_sample_metrics(
            model_fns.generate(latents), reference, channels, model_fns.by_digit, OWN_METRICS
        )
        self.rows[-1] |= found
        for line in describe(found):
            callbacks.log(f"{self.config.name}: {line}")
        if model_fns.generate_without_ema is not None:
            raw = compute_sample_metrics(model_fns.generate_without_ema(latents), reference, channels, own=OWN_METRICS)
            self.rows[-1] |= {f"raw_{name}": value for name, value in raw.items()}
            callbacks.log(f"{self.config.name}: without the EMA: {describe(raw)[0]}")

    def _log_warnings(self, evaluated: bool, callbacks: Callbacks) -> None:
        """Log the signs of failure after each evaluation, and when D begins to reject nearly every sample."""
        shift_invariant = LOSSES[self.config.hparams.loss].shift_invariant
        before, self._rejected = self._rejected, not (shift_invariant or self.rows[-1]["fake_probability"] >= REJECTED)
        if evaluated or (self._rejected and not before):
            for line in warnings(judge(self.config, columns_of(self.rows))):
                callbacks.log(f"{self.config.name}: epoch {len(self.rows)}: {line}")


def require_finite(name: str, epoch: int, infos: Mapping[str, np.ndarray]) -> None:
    """Raise DivergedError if a metric of the epoch's iterations is not finite, with the first such iteration."""
    finite = {metric.replace("_", " "): np.isfinite(values) for metric, values in infos.items()}
    broken = {metric: int(np.argmin(flags)) + 1 for metric, flags in finite.items() if not flags.all()}
    if broken:
        metric, iteration = min(broken.items(), key=lambda item: item[1])
        reason = f"the {metric} became non-finite at iteration {iteration} of epoch {epoch}"
        lower = f"Lower {option('learning_rate')}"
        if epoch > 1:  # before the first epoch is complete, the run does not hold its directory
            lower = f"Earlier checkpoints are kept. {lower}, with another {option('name')} or {option('overwrite')}"
        raise DivergedError(f"{name} diverged: {reason}. {lower}", reason)
