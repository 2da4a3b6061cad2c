"""Options and parts on a few real digits: what is trained and saved is what the command line asks for."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.homework.parts import PARTS
from gan_jax.config import Config, Hyperparameters
from gan_jax.data.datasets import load_archives
from gan_jax.errors import UserError
from gan_jax.evaluation import make_reference
from gan_jax.plotting import image_grid
from gan_jax.runs import trainer
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.recorder import RunRecorder
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import RunDir
from gan_jax.schedules import Schedule
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.diagnostics import StepInfo
from gan_jax.training.prng import Stream
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

pytestmark = pytest.mark.usefixtures("narrow_runs")

VARIANT = Hyperparameters(
    real_target=0.9, fake_target=0.1, generator_target=0.8, dropout_rate=0.2, adam_b1=0.5, adam_b2=0.9,
    batch_size=256, learning_rate=1e-3, precision="bfloat16",
)  # fmt: skip
SCHEDULE = "1: 2, 2-: 1"
OPTIONS = [
    "--discriminator-steps", SCHEDULE, "--real-target", 0.9, "--fake-target", 0.1, "--generator-target", 0.8,
    "--dropout-rate", 0.2, "--adam-b1", 0.5, "--adam-b2", 0.9, "--batch-size", 256,
    "--learning-rate", 1e-3, "--precision", "bfloat16", "--name", "x",
]  # fmt: skip
SILENT = Callbacks(lambda _: None, lambda *_: None, lambda _: None)


def test_every_option_reaches_the_run(call, tmp_path, small_archives):
    """Two seeds of a variant with every option of `train` equal the same epochs trained here without command line."""
    trainer_options = ["--evaluate-every", 2, "--samples-every", 2, "--checkpoint-every", 1]
    command = ["train", *OPTIONS, *trainer_options, "--epochs", 3, "--archives", small_archives]
    done = call(*command, "--seeds", "0,5", "--out", tmp_path)
    assert done.returncode == 0, done
    assert (tmp_path / "x-seeds_0_5" / "comparison.md").read_text().count("| x | 2 | 3 |") == 1
    images = jax.device_put(load_archives(small_archives).train_images)
    for seed, name in ((0, "x-seed_0"), (5, "x-seed_5")):
        folder = RunDir(tmp_path / name)
        schedule = Schedule.parse(SCHEDULE)
        config = Config(
            name=name, dataset="archives", seed=seed, epochs=3, discriminator_steps=schedule, hparams=VARIANT
        )
        assert folder.read_config() == config
        metrics = folder.read_metrics()
        assert metrics["discriminator_steps"].tolist() == [2, 1, 1]
        assert np.isfinite(metrics["nearest_ratio"]).tolist() == [False, True, True]
        assert folder.sampled_epochs() == [1, 2, 3]
        state = init_state(jax.random.key(seed), VARIANT)
        for epoch, steps in enumerate((2, 1, 1)):
            state, infos = train_epoch(state, images, hparams=VARIANT, discriminator_steps=steps)
            for field in StepInfo._fields:  # means over the iterations, summed in float64
                mean = np.mean(np.asarray(getattr(infos, field)), dtype=np.float64)
                assert metrics[field][epoch] == mean
            samples = generate(state.generator, sample_latents(state.key, Stream.SAMPLES, 64), hparams=VARIANT)
            np.testing.assert_array_equal(folder.read_sample(epoch + 1), image_grid.grid(np.asarray(samples)))
    alone = call(*command, "--seed", 5, "--out", tmp_path / "alone")
    assert alone.returncode == 0
    there, here = (RunDir(path).read_manifest() for path in (tmp_path / "x-seed_5", tmp_path / "alone" / "x"))
    assert (
        there["params_sha256"]
        == here["params_sha256"]
        != RunDir(tmp_path / "x-seed_0").read_manifest()["params_sha256"]
    )


def require_compared(out: Path, name: str) -> None:
    """Assert one epoch of a part with its schedule's steps, and its comparison with part_a."""
    folder = RunDir(out / f"{name}-archives")
    steps = PARTS[name].config.discriminator_steps.steps(1)
    assert folder.read_metrics()["discriminator_steps"].tolist() == [steps]
    assert (folder.path / "comparison.png").stat().st_size > 10_000
    assert "part_a-archives" in (folder.path / "comparison.csv").read_text()


def test_parts_c_are_trained_and_compared(call, tmp_path, small_archives):
    """One part changes the schedule, one the targets; `test_all_trains_every_part` has all six."""
    for command in ("part_a", "part_c4", "part_c5"):
        done = call(command, "--archives", small_archives, "--epochs", 1, "--out", tmp_path)
        assert done.returncode == 0, done
    for name in ("part_c4", "part_c5"):
        require_compared(tmp_path, name)


@pytest.mark.slow
def test_all_trains_every_part(call, tmp_path, small_archives):
    options = ["--archives", small_archives, "--epochs", 1, "--out", tmp_path]
    for command in ("all", "part_c"):  # the second finds all runs finished, and compares them again
        done = call(command, *options)
        assert done.returncode == 0, done
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{name}-archives" for name in PARTS} | {"ridge", "change_of_variables"}
    for name in PARTS:
        if name != "part_a":
            require_compared(tmp_path, name)


def test_a_part_is_compared_with_the_same_options_only(call, tmp_path, small_archives):
    """A baseline of other options is refused with the difference; a longer one is cut to the part's length."""
    options = ["--archives", small_archives, "--out", tmp_path]
    assert call("part_a", *options, "--epochs", 2).returncode == 0
    other = call("part_b", *options, "--epochs", 1, "--batch-size", 256)
    assert "No comparison with part_a: batch_size is 512 in " in other.stdout
    longer = call("part_b", *options, "--epochs", 3, "--overwrite")
    assert "No comparison with part_a: epochs is 2 in " in longer.stdout
    assert not (tmp_path / "part_b-archives" / "comparison.csv").exists()
    shorter = call("part_b", *options, "--epochs", 1, "--overwrite")
    assert "At epoch 1 the mean D(G(z))" in shorter.stdout
    first = float(RunDir(tmp_path / "part_a-archives").read_metrics()["generator_loss"][0])
    assert f",{first!r}," in (tmp_path / "part_b-archives" / "comparison.csv").read_text()


@pytest.fixture
def source(small_archives) -> RunData:
    return RunData(
        lambda: load_archives(small_archives),
        lambda dataset: make_reference(dataset.train_images, dataset.test_images, None, samples=50),
    )


def configs(seeds: tuple[int, ...], epochs: int, name: str = "s") -> list[Config]:
    return [Config(name=f"{name}{seed}", dataset="archives", seed=seed, epochs=epochs) for seed in seeds]


def test_seeds_together_resume_together(tmp_path, source):
    """Train as on an accelerator, with a kill between two seeds' checkpoints: the bits of an uninterrupted group."""
    log: list[str] = []
    callbacks = Callbacks(log.append, lambda *_: None, lambda rows: log.append(f"{len(rows)} rows"))
    trainer_options = TrainerOptions(checkpoint_every=1)
    trainer.train(configs((0, 1), 3), source, tmp_path / "whole", trainer_options, callbacks, together=True)
    assert log.count("2 rows") == 3
    whole = [RunDir(tmp_path / "whole" / f"s{seed}").read_manifest() for seed in (0, 1)]
    assert [manifest["seeds_together"] for manifest in whole] == [[0, 1]] * 2
    trainer.train(configs((0, 1), 1), source, tmp_path, trainer_options, SILENT, together=True)
    trainer.train(configs((0, 1), 2), source, tmp_path, trainer_options, SILENT, together=True)
    (tmp_path / "s1" / "checkpoints" / "epoch_002.safetensors").unlink()  # as if killed before writing it
    log.clear()
    trainer.train(configs((0, 1), 3), source, tmp_path, trainer_options, callbacks, together=True)
    assert "one of the seeds trained together has only reached epoch 1: all resume from there" in log
    for seed in (0, 1):
        manifest = RunDir(tmp_path / f"s{seed}").read_manifest()
        assert manifest["params_sha256"] == whole[seed]["params_sha256"]
        assert [segment["until_epoch"] for segment in manifest["earlier"]] == [1]


def test_a_seed_that_began_alone_is_kept(tmp_path, source):
    """Finished alone, then requested with another seed and for more epochs: it resumes alone."""
    trainer_options = TrainerOptions()
    trainer.train(configs((0,), 2), source, tmp_path, trainer_options, SILENT, together=False)
    trainer.train(configs((0,), 3), source, tmp_path / "alone", trainer_options, SILENT, together=False)
    trainer.train(configs((0, 1), 3), source, tmp_path, trainer_options, SILENT, together=True)
    there, here = (RunDir(folder / "s0").read_manifest() for folder in (tmp_path, tmp_path / "alone"))
    assert there["params_sha256"] == here["params_sha256"]


def test_a_diverging_seed_does_not_stop_the_others(tmp_path, monkeypatch, call, small_archives):
    """The first of three seeds reports a NaN loss in its second epoch."""
    log_epoch = RunRecorder.log_epoch

    def broken(self: RunRecorder, steps: int, infos: dict, seconds: float) -> None:
        if self.config.seed == 0 and self.rows:
            infos = infos | {"generator_loss": np.array([1.0, np.nan])}
        log_epoch(self, steps, infos, seconds)

    monkeypatch.setattr(RunRecorder, "log_epoch", broken)
    done = call("part_a", "--archives", small_archives, "--epochs", 2, "--seeds", 3, "--name", "x", "--out", tmp_path)
    assert done.returncode == 2
    assert "x-seed_0 diverged: the generator loss became non-finite at iteration 2 of epoch 2" in done.stderr
    assert [len(RunDir(tmp_path / name).read_rows()) for name in ("x-seed_0", "x-seed_1", "x-seed_2")] == [1, 2, 2]
    assert "params_sha256" not in RunDir(tmp_path / "x-seed_0").read_manifest()
    assert "2 of 3 seeds, without those that diverged" in done.stdout
    assert "| x | 2 | 2 |" in (tmp_path / "x-seeds_0-2" / "comparison.md").read_text()


def test_too_few_images_to_evaluate_are_refused_before_training(tmp_path, small_archives):
    data = load_archives(small_archives)
    few = RunData(lambda: data._replace(test_images=data.test_images[:5]), lambda _: pytest.fail("too late"))
    with pytest.raises(UserError, match="5 test images"):
        trainer.train(configs((0,), 1), few, tmp_path / "out", TrainerOptions(), SILENT, together=False)
    assert not (tmp_path / "out").exists()


def test_a_damaged_run_can_be_overwritten(call, tmp_path, small_archives):
    folder = tmp_path / "part_a-archives"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    (folder / ".partial-1-metrics.csv").write_text("left by a process that was killed")
    done = call("part_a", "--archives", small_archives, "--epochs", 1, "--out", tmp_path, "--overwrite")
    assert done.returncode == 0, done
    assert not list(tmp_path.rglob(".partial-*"))


@pytest.mark.parametrize(("loss", "dies"), [("hinge", True), ("wasserstein", False), ("relativistic", False)])
def test_a_shift_invariant_d_is_not_reported_to_reject_all(tmp_path, loss, dies):
    log = []
    recorder = RunRecorder(RunDir(tmp_path), Config(name="x", hparams=Hyperparameters(loss=loss)), {}, lambda: None)
    recorder.rows = [{"epoch": 1, "fake_probability": 1e-9, "generator_gradient_norm": 1.0}]
    recorder._log_warnings(evaluated=False, callbacks=replace(SILENT, log=log.append))
    assert [line for line in log if "D rejects nearly every sample" in line] == log
    assert len(log) == dies
