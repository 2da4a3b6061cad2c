"""Records of runs, whatever trains them: which directory a run may take, and what it leaves there."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.config import Config
from gan_jax.data.datasets import ImageDataset
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import DivergedError, UserError, require
from gan_jax.evaluation import Reference, collapse_warnings
from gan_jax.evaluation.prdc import NEIGHBOURS
from gan_jax.evaluation.sample_metrics import compute_sample_metrics, sample_count
from gan_jax.losses.adversarial import LOSSES
from gan_jax.plotting import image_grid
from gan_jax.runs import run_figures
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.provenance import provenance
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import JAX, MetricsRow, RunDir
from gan_jax.runs.tensorboard import Events, require_writer
from gan_jax.training.apply_fns import sample_latents
from gan_jax.training.prng import Stream
from gan_jax.utils.processor import lacks_bfloat16

SAMPLE_COUNT = 64
JUDGED = 1000  # images of either kind, for the histograms of D's verdicts
COMPARISON = ("comparison.png", "comparison.csv", "comparison.md")  # with other runs, by the command line
GRID_EPOCHS = (1, 50, 100)  # drawn whatever `samples_every` says: the homework asks for them


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """Options for how runs are kept and shown; nothing here changes what is trained.

    >>> import gan_jax
    >>> gan_jax.TrainerOptions(evaluate_every=10).samples_every  # measured every ten epochs, drawn after each
    1
    """

    checkpoint_every: int = 10
    samples_every: int = 1
    evaluate_every: int = 0  # 0: after the last epoch alone
    overwrite: bool = False
    tensorboard: bool = False
    detect_nans: bool = False  # keep each epoch's first state, to find the operation if the epoch diverges

    def __post_init__(self) -> None:
        if self.tensorboard:
            require_writer()
        for name, least in (("checkpoint_every", 1), ("samples_every", 1), ("evaluate_every", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name.replace('_', ' ')} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True)
class ModelFns:
    """Networks of a run as functions, to measure and draw their samples."""

    generate: Callable[[jax.Array], jax.Array]  # latents float32 (n, 128) -> images float32 (n, 784) in [-1, 1]
    discriminate: Callable[
        [jax.Array], jax.Array
    ]  # such images -> D's verdicts without dropout, float32 (n,) in [0, 1]
    generate_without_ema: Callable[[jax.Array], jax.Array] | None = None  # G itself, where `generate` is its average


@dataclass
class RunRecorder:
    """A run while it is trained, whatever trains it: where it is kept, what it is, and how far it has come."""

    folder: RunDir
    config: Config
    manifest: dict[str, Any]
    assert_lock_held: Callable[[], None]  # raises UserError if the folder has been deleted or moved meanwhile
    rows: list[MetricsRow] = field(default_factory=list)
    events: Events | None = None  # where they are asked for
    _rejected: bool = False  # whether D(G(z)) has died, and that has been told

    def start(self) -> None:
        """Write what the run is, before it is trained; where and how its earlier epochs were made is kept."""
        done, before = len(self.rows), self.folder.read_manifest()
        earlier = [stretch for stretch in before.get("earlier", []) if stretch["until_epoch"] < done]
        if done:
            kept = (*provenance(), "seeds_together")
            made = {name: value for name, value in before.items() if name in kept}
            earlier.append({"until_epoch": done, **made})
        self.manifest["earlier"] = earlier
        self.folder.write_config(self.config)
        self.folder.write_manifest(self.manifest)
        if self.events is not None:
            self.events.begin(done)

    def log_epoch(self, discriminator_steps: int, infos: Mapping[str, np.ndarray], seconds: float) -> None:
        """A further row of metrics: means of what each iteration of the epoch reported, in float64.

        Raises:
            DivergedError: if a value is not finite; nothing is written.
        """
        require_finite(self.config.name, len(self.rows) + 1, infos)
        means = {name: float(np.mean(values, dtype=np.float64)) for name, values in infos.items()}
        counts = {"epoch": len(self.rows) + 1, "discriminator_steps": discriminator_steps}
        self.rows.append({**counts, **means, "seconds": round(seconds, 3)})

    def evaluate_and_save(
        self, model_fns: ModelFns, source: RunData, trainer_options: TrainerOptions, callbacks: Callbacks
    ) -> None:
        """Measure and draw what G makes after the last row's epoch, where that is due, and write the metrics."""
        self.assert_lock_held()
        key, epoch = jax.random.key(self.config.seed), len(self.rows)
        last = epoch == self.config.epochs
        histogram, grid = None, None
        if last or (trainer_options.evaluate_every and epoch % trainer_options.evaluate_every == 0):
            histogram = self._evaluate(model_fns, source.reference, callbacks)
        self._warn(histogram, callbacks)
        if last or epoch % trainer_options.samples_every == 0 or epoch in GRID_EPOCHS:
            grid = image_grid.grid(model_fns.generate(sample_latents(key, Stream.SAMPLES, SAMPLE_COUNT)))
            self.folder.write_sample(epoch, grid)
        self.folder.write_rows(self.rows)
        if self.events is not None:
            real = to_unit_range(source.dataset.train_images[:JUDGED])
            generated = model_fns.generate(sample_latents(jax.random.key(self.config.seed), Stream.VERDICTS, JUDGED))
            verdicts = {
                "real": np.asarray(model_fns.discriminate(real)),
                "generated": np.asarray(model_fns.discriminate(generated)),
            }
            self.events.add(epoch, self.rows[-1], grid, verdicts)

    def finish(self, params_sha256: str) -> None:
        """Draw the figures, then write that the run is finished, and with which parameters."""
        self.assert_lock_held()
        run_figures.draw(self.folder, self.config)
        self.manifest |= {
            "epochs": self.config.epochs,
            "training_seconds": round(sum(row["seconds"] for row in self.rows), 1),
            "params_sha256": params_sha256,
        }
        self.folder.write_manifest(self.manifest)

    def _evaluate(self, model_fns: ModelFns, reference: Reference, callbacks: Callbacks) -> tuple[float, ...] | None:
        """Add the measurements of samples to the last row, and tell them; returns the digits' shares, if known."""
        channels = self.config.hparams.stacked_digits
        count = sample_count(reference, channels)
        latents = sample_latents(jax.random.key(self.config.seed), Stream.EVALUATION, count)
        found = compute_sample_metrics(model_fns.generate(latents), reference, channels)
        self.rows[-1] |= found.columns
        for line in found.lines:
            callbacks.log(f"{self.config.name}: {line}")
        if model_fns.generate_without_ema is not None:
            raw = compute_sample_metrics(model_fns.generate_without_ema(latents), reference, channels)
            self.rows[-1] |= {f"raw_{name}": value for name, value in raw.columns.items()}
            callbacks.log(f"{self.config.name}: of G itself, not of its average: {raw.lines[0]}")
        return found.digit_histogram

    def _warn(self, histogram: tuple[float, ...] | None, callbacks: Callbacks) -> None:
        """Tell the signs of collapse: of the samples each time they are measured, of D(G(z)) when it dies, too."""
        shift_invariant = LOSSES[self.config.hparams.loss].shift_invariant
        score = None if shift_invariant else self.rows[-1]["fake_probability"]
        dies = not self._rejected and collapse_warnings(None, score)
        self._rejected = bool(collapse_warnings(None, score))
        if histogram is not None or dies:
            for line in collapse_warnings(histogram, score):
                callbacks.log(f"{self.config.name}: epoch {len(self.rows)}: warning: {line}")


def require_finite(name: str, epoch: int, infos: Mapping[str, np.ndarray]) -> None:
    """Raise DivergedError if a value that an iteration of the run's epoch reported is not finite."""
    finite = {what: np.isfinite(values) for what, values in infos.items()}
    broken = {what: int(np.argmin(flags)) + 1 for what, flags in finite.items() if not flags.all()}
    if broken:
        what, iteration = min(broken.items(), key=lambda item: item[1])
        raise DivergedError(
            f"{name} diverged: the {what.replace('_', ' ')} is not finite from iteration {iteration} of epoch {epoch} "
            "on. What was saved before is kept. Lower --learning-rate, under another --name or with --overwrite"
        )


@contextlib.contextmanager
def lock_pending_runs(
    configs: Sequence[Config],
    source: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    trainer: str,
    resumes: bool,
    devices: int = 1,
) -> Iterator[list[RunRecorder]]:
    """Yield the runs that are not finished, their directories checked and locked until the block ends.

    Args:
        configs: what the runs are; they differ in name and seed alone.
        source: gives the images, if there is something to train.
        out: the folder of runs, made if missing.
        trainer_options: how they are kept.
        callbacks: told how it goes.
        trainer: what trains them, by name; no other goes on with them.
        resumes: whether it can go on with a run that was begun.
        devices: how many it computes on.

    Raises:
        UserError: if a folder belongs to another run or cannot be written, in the block too, or the data do not fit.
    """
    left = partial(_pending, out=out, trainer_options=trainer_options, trainer=trainer, resumes=resumes)
    if not left(configs, say=callbacks.log):
        yield []
        return
    _require_enough(source.dataset, configs[0])
    if configs[0].hparams.precision == "bfloat16" and jax.default_backend() == "cpu" and lacks_bfloat16():
        callbacks.log("warning: this processor has no instructions for bfloat16: float32 is faster here")
    data = source.dataset.sha256()
    for folder in (RunDir(out / config.name) for config in configs):
        manifest = {} if trainer_options.overwrite else folder.read_manifest()
        if manifest.get("data_sha256", data) != data:
            raise UserError(f"{folder.path} was trained on other data: choose another --name, or --overwrite it")
        if manifest.get("classifier_sha256", source.classifier_sha256) != source.classifier_sha256:
            raise UserError(f"{folder.path} was measured with another --classifier: give that one, or --overwrite it")
    try:
        with contextlib.ExitStack() as locks:
            # Judged again with the locks held: another process may have finished one of them in between.
            begun = left(configs, say=lambda _: None)
            held = {config: locks.enter_context(folder.locked()) for folder, config in begun}
            mine = left(list(held), say=callbacks.log)
            if trainer_options.overwrite:
                for folder, _ in mine:
                    _remove(folder)
            made = provenance() | {"device_count": devices, "trainer": trainer, "data_sha256": data}
            made["classifier_sha256"] = source.classifier_sha256
            records = [
                RunRecorder(folder, config, made | {"seed": config.seed}, held[config]) for folder, config in mine
            ]
            if trainer_options.tensorboard:
                for record in records:
                    record.events = locks.enter_context(contextlib.closing(Events(record.folder.events)))
            yield records
    except OSError as error:
        raise UserError(f"cannot write {error.filename or out}: {error.strerror or error}") from error


def _pending(
    configs: Sequence[Config],
    *,
    out: Path,
    trainer_options: TrainerOptions,
    trainer: str,
    resumes: bool,
    say: Callable[[str], None],
) -> list[tuple[RunDir, Config]]:
    """List the runs that are not finished, after a look at all of their directories."""
    left = []
    for config in configs:
        folder = RunDir(out / config.name)
        _require_run_dir(folder, trainer_options.overwrite)
        if not trainer_options.overwrite:
            require_same_config(folder, config, trainer)
            if folder.read_manifest().get("epochs") == config.epochs:
                say(f"{folder.path} is finished at epoch {config.epochs}; --overwrite trains it again")
                continue
            if not resumes and folder.read_rows():
                raise UserError(f"{folder.path} was begun, and {trainer} cannot go on with it: --overwrite it")
        left.append((folder, config))
    return left


def _require_enough(dataset: ImageDataset, config: Config) -> None:
    """Refuse data that do not fill a batch, or that samples cannot be compared with."""
    config.hparams.require_batch(len(dataset.train_images))
    for images, kind in ((dataset.train_images, "training"), (dataset.test_images, "test")):
        require(len(images) > NEIGHBOURS, f"{len(images)} {kind} images: measuring samples takes {NEIGHBOURS + 1}")


def _require_run_dir(folder: RunDir, overwrite: bool) -> None:
    """Refuse a path that holds anything but a run; a run that is to be overwritten may be a damaged one."""
    path = folder.path
    if (path / "config.json").is_file() if overwrite else folder.read_config() is not None:
        return
    if not path.exists():
        return
    if not path.is_dir() or any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise UserError(f"{path} exists and is not a run's folder: choose another --name or --out")


def require_same_config(folder: RunDir, config: Config, trainer: str) -> None:
    """Raise UserError for a folder whose run is another one; the same run with more epochs is its continuation."""
    existing = folder.read_config()
    if existing is None:
        return
    there = folder.read_manifest().get("trainer", JAX)  # earlier versions did not say
    if there != trainer:
        raise UserError(f"{folder.path} was trained by {there}: choose another --name or --out, or --overwrite it")
    if replace(existing, epochs=config.epochs) != config:
        there, here = existing.flat(), config.flat() | {"epochs": existing.epochs}
        name = next(name for name in there if there[name] != here[name])
        raise UserError(
            f"{folder.path} belongs to another configuration ({name} is {there[name]} there, {here[name]} here): "
            "choose another --name or --out, or --overwrite it"
        )
    epochs = len(folder.read_rows())
    if config.epochs < epochs:
        raise UserError(f"{folder.path} has {epochs} epochs behind it: ask for as many or more, or --overwrite it")


def _remove(folder: RunDir) -> None:
    """Remove what a run leaves, and nothing that someone else put beside it."""
    # The manifest first: what says that the run is finished must not outlast what it speaks of.
    for name in ("manifest.json", "metrics.csv", *run_figures.NAMES, *COMPARISON):
        (folder.path / name).unlink(missing_ok=True)
    for path in (folder.checkpoints, folder.samples, folder.events):
        shutil.rmtree(path, ignore_errors=True)
