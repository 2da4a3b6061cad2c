"""A run with an EMA of G: the EMA is evaluated, drawn and sampled, and G itself is evaluated as well."""

import jax
import numpy as np
import pytest

from gan_jax.config import Hyperparameters
from gan_jax.data.datasets import load_archives
from gan_jax.evaluation import columns, evaluate
from gan_jax.inference.pretrained import load_generator
from gan_jax.plotting import image_grid
from gan_jax.runs.checkpoints import load_newest, params_sha256, save, tree_sha256
from gan_jax.runs.run_data import make_run_data
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.apply_fns import generate, sample_latents
from gan_jax.training.prng import Stream
from gan_jax.training.state import GanState, init_state
from gan_jax.training.train_epoch import train_epoch
from tests.helpers.bits import assert_same_bits, changed

pytestmark = pytest.mark.usefixtures("narrow_runs")

HPARAMS = Hyperparameters(batch_size=256, ema_decay=0.9)


def fresh(seed: int = 0, hparams: Hyperparameters = HPARAMS) -> GanState:
    return init_state(jax.random.key(seed), hparams)


@pytest.fixture(scope="module")
def states(small_archives) -> list[GanState]:
    """The states after each of two epochs, trained without the command line."""
    images = jax.device_put(load_archives(small_archives).train_images)
    found = [fresh()]
    for _ in range(2):
        given = jax.tree.map(lambda leaf: leaf.copy(), found[-1])  # train_epoch consumes it
        found.append(train_epoch(given, images, hparams=HPARAMS, discriminator_steps=1)[0])
    return found[1:]


def test_a_run_evaluates_draws_and_samples_the_ema_and_resumes(call, tmp_path, small_archives, states):
    command = ["train", "--ema-decay", 0.9, "--batch-size", 256, "--archives", small_archives, "--name", "x",
               "--out", tmp_path, "--evaluate-every", 2]  # fmt: skip
    for epochs in (1, 2):
        done = call(*command, "--epochs", epochs)
        assert done.returncode == 0, done
    assert "resuming after epoch 1" in done.stdout
    folder, state = RunDir(tmp_path / "x"), states[-1]
    assert folder.read_manifest()["params_sha256"] == params_sha256(state)

    latents = sample_latents(state.key, Stream.SAMPLES, 64)
    for epoch, after in enumerate(states, start=1):
        drawn = np.asarray(generate(after.average, latents, hparams=HPARAMS))
        np.testing.assert_array_equal(folder.read_sample(epoch), image_grid.grid(drawn))

    metrics, reference = folder.read_metrics(), make_run_data(lambda: load_archives(small_archives), None).reference
    latents = sample_latents(state.key, Stream.EVALUATION, reference.samples)
    for prefix, params in (("", state.average), ("raw_", state.generator)):
        expected = columns(evaluate(generate(params, latents, hparams=HPARAMS), reference))
        assert {name: metrics[prefix + name][-1] for name in expected} == expected
    assert metrics["nearest_ratio"][-1] != metrics["raw_nearest_ratio"][-1]
    median = f"median distance to the nearest training image {metrics['raw_nearest_median'][-1]:.2f}"
    assert f"x: without the EMA: samples {reference.samples}, {median}" in done.stdout

    found = load_generator(folder.path)
    assert_same_bits(found.params, state.average)
    assert all(changed(found.params, state.generator))
    assert found.params_sha256 == params_sha256(state)

    done = call("verify", folder.path, "--archives", small_archives, "--since", 1)
    assert done.returncode == 0, done


def test_a_checkpoint_restores_the_ema(tmp_path, states):
    save(tmp_path, states[-1])
    loaded, warnings = load_newest(tmp_path, fresh(seed=1))
    assert not warnings
    assert_same_bits(loaded, states[-1])


@pytest.mark.parametrize(("kept", "asked"), [(HPARAMS, Hyperparameters()), (Hyperparameters(), HPARAMS)])
def test_a_checkpoint_with_another_state_structure_is_skipped(tmp_path, kept, asked):
    save(tmp_path, fresh(hparams=kept)._replace(epoch=jax.numpy.int32(1)))
    loaded, warnings = load_newest(tmp_path, fresh(hparams=asked))
    assert loaded is None
    assert len(warnings) == 1


def test_the_digest_of_the_parameters_includes_the_ema(states):
    one, state = states
    plain = state._replace(average=None)
    assert params_sha256(plain) == tree_sha256({"generator": state.generator, "discriminator": state.discriminator})
    assert len({params_sha256(each) for each in (state, plain, state._replace(average=one.average))}) == 3
