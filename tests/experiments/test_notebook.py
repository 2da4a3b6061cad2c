"""The notebook runs top to bottom on few real digits and shows what its text says; it is committed without outputs."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import nbformat
import numpy as np
import pytest

from gan_jax import Hyperparameters
from gan_jax.losses.adversarial import GanLoss, Targets
from gan_jax.runs.checkpoints import params_sha256
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.state import init_state
from gan_jax.training.train_step import train_step
from tests.helpers.notebooks import METADATA, Cells, cells_of, errors, execute_notebook, printed, shown

NOTEBOOK = Path(__file__).parents[2] / "experiments" / "gan.ipynb"
RUNS = {"part_a": "non_saturating", "part_b": "saturating", "target_squares": "target_squares"}
DRAWN = {"data", "curves", "diagnostics", "samples", "sampling", "interpolation", "slopes", "own", "compare"}

Executed = tuple[Path, Cells]  # the directory that it ran in, and its cells by name


@pytest.fixture(scope="module")
def execute(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Callable[[str], Executed]:
    """Return a function that runs the notebook in a new directory, with a line added to its parameters."""

    def execute(parameters: str) -> Executed:
        folder = tmp_path_factory.mktemp("notebook")
        return folder, execute_notebook(NOTEBOOK, folder, parameters, cache)

    return execute


@pytest.fixture(scope="module")
def executed(execute, small_archives) -> Executed:
    """The notebook run on 1100 digits for two epochs of two iterations."""
    return execute(f"EPOCHS, DATA = 2, Path({str(small_archives)!r})")


def test_the_notebook_is_valid_and_has_no_outputs_or_paths():
    text = NOTEBOOK.read_text()
    notebook = nbformat.from_dict(json.loads(text))
    nbformat.validate(notebook)
    assert notebook.metadata == METADATA
    for cell in notebook.cells:
        assert cell.metadata in ({}, {"tags": ["parameters"]})
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert not re.search(r"(?<![\w./])/(home|root|tmp|usr|work|Users|content|mnt)\b", text)


def test_the_homeworks_networks_are_shown(executed):
    _, cells = executed
    printed_text = printed(cells["networks"])
    assert "generator: 1,493,520 parameters" in printed_text
    assert "discriminator: 1,460,225 parameters" in printed_text


def test_a_step_maps_a_state_to_the_next(executed):
    _, cells = executed
    printed_text = printed(cells["halves"])
    assert "D's update changes ['discriminator', 'discriminator_optimizer'];" in printed_text
    assert "G's update changes ['generator', 'generator_optimizer'];" in printed_text
    losses = [float(value) for value in re.findall(r"its loss was ([\d.]+)", printed_text)]
    reported = dict(re.findall(r"(\w+_loss) +([\d.]+)", printed(cells["bits"])))
    # The two half-steps are compiled separately: round-off, and four digits are shown.
    np.testing.assert_allclose(losses, [float(value) for value in reported.values()], atol=2e-4)


def test_the_same_key_gives_the_same_bits(executed, mnist):
    """The bits are equal in the notebook's process and in this one."""
    _, cells = executed
    first, again, other = re.findall(r"\b[0-9a-f]{64}\b", printed(cells["bits"]))
    batch = jnp.asarray(mnist.train_images[:512])
    state, _ = train_step(
        init_state(jax.random.key(0), Hyperparameters()), batch, hparams=Hyperparameters(), discriminator_steps=1
    )
    assert first == again == params_sha256(state) != other


def test_the_slopes_are_those_in_the_text(executed):
    """The slopes are -(1 - D) and -D."""
    _, cells = executed
    lines = re.findall(r"logit +(\S+), .*'non_saturating': (\S+), 'saturating': (\S+)}", printed(cells["slopes"]))
    found = np.array(lines, float)
    assert found[:, 0].tolist() == [0, -6, -12]
    rejected = 1 / (1 + np.exp(found[:, 0]))
    np.testing.assert_allclose(found[:, 1:], np.stack([-rejected, -(1 - rejected)], axis=1), rtol=1e-5)  # float32


def test_the_custom_loss_is_least_squares():
    """Mao et al. 2017, equation 9, for scores equal to the logits plus 1/2."""
    known = {"jnp": jnp, "GanLoss": GanLoss, "LOSSES": {}, "draw_slopes": lambda *_: None}
    exec(cells_of(nbformat.read(NOTEBOOK, as_version=4))["own"].source, known)
    real, fake = np.random.default_rng(0).normal(size=(2, 9))
    loss = known["LOSSES"]["target_squares"]
    expected = [((real - 0.5) ** 2).mean() / 2 + ((fake + 0.5) ** 2).mean() / 2, ((fake - 0.5) ** 2).mean() / 2]
    found = [
        function(jnp.asarray(real), jnp.asarray(fake), Targets()) for function in (loss.discriminator, loss.generator)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # float32


def test_three_losses_were_trained(executed):
    folder, cells = executed
    runs = {name: RunDir(folder / "runs" / name) for name in RUNS}
    manifests = [run.read_manifest() for run in runs.values()]
    assert [manifest["epochs"] for manifest in manifests] == [2, 2, 2]
    assert len({manifest["params_sha256"] for manifest in manifests}) == 3
    for name, run in runs.items():
        assert json.loads((run.path / "config.json").read_text())["setting"]["loss"] == RUNS[name]
    # After four iterations D is still close to 1/2, where the losses are these.
    for name, at_half in (("part_a", (1.386, 0.693)), ("part_b", (1.386, -0.693)), ("target_squares", (0.25, 0.125))):
        metrics = runs[name].read_metrics()
        found = [metrics[loss][0] for loss in ("discriminator_loss", "generator_loss")]
        np.testing.assert_allclose(found, at_half, rtol=0.3)
    [table] = shown(cells["table"], "text/markdown")
    assert [f"| {name} | 1 | 2 |" in table for name in RUNS] == [True, True, True]


def test_samples_are_drawn_and_measured(executed):
    folder, cells = executed
    assert {name for name, cell in cells.items() if shown(cell, "image/png")} == DRAWN
    [animation] = shown(cells["animation"], "text/html")
    shown_bytes = base64.b64decode(re.findall(r"base64,([^\"]+)", animation)[0])
    assert shown_bytes == (folder / "runs" / "part_a" / "samples.gif").read_bytes()
    distances = re.findall(
        r"Fréchet distance ([\d.]+), real against real [\d.]+, samples 1100", printed(cells["evaluate"])
    )
    after_two_epochs, shipped = map(float, distances)
    assert shipped < after_two_epochs / 2
    assert not errors(cells)


@pytest.mark.slow
def test_the_committed_parameters(execute):
    """Five epochs on all digits: G's gradient has vanished under the saturating loss and under no other."""
    folder, _ = execute("")
    norms = {name: RunDir(folder / "runs" / name).read_metrics()["generator_gradient_norm"] for name in RUNS}
    assert all(len(values) == 5 for values in norms.values())
    assert norms["part_b"][-1] < 1e-3 * min(norms["part_a"][-1], norms["target_squares"][-1])


def test_without_the_package_the_notebook_says_what_to_do(tmp_path):
    """A directory with the package's name, importable as an empty namespace, is not mistaken for it."""
    (tmp_path / "gan_jax").mkdir()
    setup = cells_of(nbformat.read(NOTEBOOK, as_version=4))["setup"].source
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", setup], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: gan_jax is not installed: put its checkout into {tmp_path}, and run this cell again"
    )
