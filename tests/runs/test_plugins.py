"""Plugins: the user's own files are executed where they are named, recorded in runs, and never confused."""

import hashlib
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

import gan_jax
from experiments import cli
from gan_jax.analysis.metrics import MEASUREMENTS
from gan_jax.analysis.own_metrics import OWN_METRICS
from gan_jax.config import Hyperparameters
from gan_jax.errors import UserError
from gan_jax.losses.adversarial import LOSSES
from gan_jax.losses.gradient_penalty import PENALTIES
from gan_jax.reports import run_report
from gan_jax.runs import plugins
from gan_jax.runs.comparison import read_run
from gan_jax.runs.plugins import load_plugin, manifest_entries
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.state import init_state
from gan_jax.training.train_step import train_step

EXAMPLE = Path("experiments/examples/least_squares_plugin.py").resolve()
CLASSIFIER = Path("gan_jax/evaluation/mnist_classifier.safetensors").resolve()
pytestmark = pytest.mark.usefixtures("own_tables", "narrow_runs")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_archives, narrow_runs):
    """Return a run of the example's loss, penalty and metric, and the options that continue it."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, ("--archives", small_archives, "--out", folder, "--name", "mine", "--loss", "squares")


@pytest.fixture
def run(trained, call):
    folder, options = trained
    if not (folder / "mine").exists():
        done = call("train", *options, "--plugin", EXAMPLE, "--epochs", 1, "--classifier", CLASSIFIER)
        assert done.returncode == 0, done
    return folder / "mine"


def test_the_example_is_trained_measured_and_recorded(run):
    manifest, metrics = RunDir(run).read_manifest(), RunDir(run).read_metrics()
    sha256 = hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert manifest["plugins"] == [{"file": "least_squares_plugin.py", "sha256": sha256}]
    assert 0 < metrics["ink"][-1] < 1


@pytest.mark.parametrize("command", ["compare", "report", "sample", "verify"])
def test_every_command_that_reads_it_takes_the_plugin_and_asks_for_it(
    run, trained, call, forget, tmp_path, command, small_archives, monkeypatch
):
    monkeypatch.setattr(run_report, "PRETRAINED", {})  # networks of the usual sizes, which these narrow ones are not
    out = {"report": tmp_path / "x.html", "sample": tmp_path / "x.png"}.get(command, tmp_path)
    more = ("--archives", small_archives, "--classifier", CLASSIFIER) if command == "verify" else ()
    forget()
    without = call(command, run, "--out", out, *more)
    assert without.returncode == 2
    assert "trained with the plugin least_squares_plugin.py" in without.stderr
    assert "give --plugin least_squares_plugin.py" in without.stderr
    assert without.stderr.count("\n") == 1
    forget()
    done = call(command, run, "--out", out, *more, "--plugin", EXAMPLE)
    assert done.returncode == 0, done
    if command == "compare":
        assert re.search(r"^ink +0\.\d{3}$", done.stdout, re.MULTILINE)
        assert "ink" in (tmp_path / "comparison" / "comparison.csv").read_text().splitlines()[0].split(",")
    if command == "report":
        page = (tmp_path / "x.html").read_text()
        assert "Mean brightness" in page
        assert ">ink<" in page


def test_from_python_the_call_that_loads_it(run, forget):
    forget()
    line = "call gan_jax.load_plugin('least_squares_plugin.py') first"
    with pytest.raises(UserError, match=re.escape(line)):
        read_run(run)
    gan_jax.load_plugin(str(EXAMPLE))
    assert read_run(run).config.hparams.loss == "squares"


def test_a_changed_plugin_neither_continues_nor_stands_for_a_run(run, trained, call, forget, tmp_path):
    """The same command with an edited file is refused, also where the run is finished, and changes nothing."""
    _, options = trained
    changed = tmp_path / EXAMPLE.name
    changed.write_text(EXAMPLE.read_text() + "# changed\n")
    before = (run / "manifest.json").read_bytes()
    for epochs in (1, 2):
        forget()
        done = call("train", *options, "--plugin", changed, "--epochs", epochs, "--classifier", CLASSIFIER)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "which has changed since" in done.stderr
        assert "another --name" in done.stderr
        assert "--overwrite" in done.stderr
    assert (run / "manifest.json").read_bytes() == before
    assert len(RunDir(run).read_rows()) == 1


def test_the_same_plugin_finds_the_run_finished(run, trained, call, forget, tmp_path):
    moved = Path(shutil.copy(EXAMPLE, tmp_path))  # another directory is the same plugin
    forget()
    done = call("train", *trained[1], "--plugin", moved, "--epochs", 1, "--classifier", CLASSIFIER)
    assert done.returncode == 0, done
    assert "Already finished" in done.stdout


def test_a_run_without_plugins_is_not_continued_with_one(call, tmp_path, small_archives, forget):
    options = ("train", "--archives", small_archives, "--out", tmp_path, "--name", "plain", "--epochs", 1)
    assert call(*options).returncode == 0
    assert "plugins" not in RunDir(tmp_path / "plain").read_manifest()
    forget()
    done = call(*options, "--plugin", EXAMPLE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "was trained with no plugin, not with the plugin least_squares_plugin.py" in done.stderr
    assert "leave out --plugin" in done.stderr


BROKEN = {
    "raises": ("x = 1\n\nraise ValueError('no')\n", "line 3 failed: ValueError: no"),
    "exits": ("import sys\nsys.exit(0)\n", "line 2 failed: SystemExit: 0"),
    "syntax": ("def f(:\n", "line 1 is no Python: invalid syntax"),
    "binary": (b"\x00\xff\x00", "is no Python"),
    "another encoding": ("x = 'é'".encode("latin-1"), "is no Python"),
    "replaces a loss": (
        "from gan_jax.losses.adversarial import LOSSES\nLOSSES['hinge'] = LOSSES['wasserstein']",
        "replaces the loss 'hinge'",
    ),
    "no loss": (
        "from gan_jax.losses.adversarial import LOSSES\nLOSSES['mine'] = print",
        "the loss 'mine' must be a GanLoss",
    ),
    "a metric of the library's": (
        "from gan_jax import register_metric\nregister_metric('frechet', len, meaning='x')",
        "line 2 failed: the metric 'frechet' is one of the library's",
    ),
    "a taken key": (
        "from gan_jax.losses.gradient_penalty import *\n"
        "PENALTIES['mine'] = GradientPenalty(Sampler(interpolate, keys=(7, 2)), one_centered)",
        "the penalty 'mine' has the key number 2 of 'gradient_penalty'",
    ),
}


@pytest.mark.parametrize(("content", "named"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_one_line(call, tmp_path, content, named):
    path = tmp_path / "broken.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    losses, penalties = dict(LOSSES), dict(PENALTIES)
    done = call("train", "--plugin", path, "--out", tmp_path / "runs")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    assert done.stderr.startswith(f"run.sh: error: the plugin {path}")
    assert named in done.stderr
    assert not (tmp_path / "runs").exists()
    assert (losses, penalties) == (LOSSES, PENALTIES)
    assert manifest_entries() == []


@pytest.mark.parametrize("name", ["missing.py", "notes.txt", "folder.py"])
def test_a_path_that_is_no_python_file_is_one_line(call, tmp_path, name):
    (tmp_path / "notes.txt").write_text("x = 1")
    (tmp_path / "folder.py").mkdir()
    done = call("compare", "runs/none", "--plugin", tmp_path / name, "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "plugin" in done.stderr
    assert name in done.stderr


def test_two_plugins_of_one_name_are_refused(call, tmp_path):
    copied = shutil.copy(EXAMPLE, tmp_path)
    done = call("train", "--plugin", EXAMPLE, "--plugin", copied)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"two plugins are called least_squares_plugin.py: rename one of {EXAMPLE} and {copied}" in done.stderr


def test_two_plugins_of_one_name_are_refused_in_python_too(tmp_path):
    """The same file may be executed again after a change, and a copy is the same plugin."""
    metric = "import gan_jax\ngan_jax.register_metric('left', lambda samples: {}, meaning='Left.')\n"
    paths = [tmp_path / name / "mine.py" for name in ("a", "b")]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(metric.format(number))
    load_plugin(paths[0])
    with pytest.raises(UserError, match=f"two plugins are called mine.py: rename one of {paths[0]} and {paths[1]}"):
        load_plugin(paths[1])
    assert OWN_METRICS["left"](np.zeros(1)) == 0
    paths[0].write_text(metric.format(5))
    load_plugin(paths[0])
    assert OWN_METRICS["left"](np.zeros(1)) == 5
    assert MEASUREMENTS.count("left") == 1
    load_plugin(Path(shutil.copy(paths[0], paths[1])))
    assert [entry["file"] for entry in manifest_entries()] == ["mine.py"]


def test_two_plugins_with_one_metric_are_refused(call, tmp_path):
    """The line names both files; the first plugin's metric stays."""
    paths = [tmp_path / name for name in ("one.py", "two.py")]
    for number, path in enumerate(paths):
        path.write_text(f"import gan_jax\ngan_jax.register_metric('left', lambda samples: {number}, meaning='Left.')\n")
    done = call("train", "--plugin", paths[0], "--plugin", paths[1], "--out", tmp_path / "runs")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    place = f"the plugin {paths[1]}, line 2 failed: another metric is registered as 'left', in {paths[0]}"
    assert f"{place}: rename one of the two" in done.stderr
    assert OWN_METRICS["left"](np.zeros(1)) == 0
    assert not (tmp_path / "runs").exists()


def test_two_plugins_with_one_loss_are_refused(tmp_path):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(
            "from gan_jax.losses.adversarial import LOSSES\nLOSSES['mine'] = LOSSES['hinge']._replace()\n"
        )
    load_plugin(tmp_path / "one.py")
    with pytest.raises(UserError, match=r"two.py replaces the loss 'mine' of one.py: choose another name"):
        load_plugin(tmp_path / "two.py")


def test_nothing_is_executed_unless_it_is_named(run, tmp_path, monkeypatch):
    """Reading a run's directory, even with a file of the plugin's name beside it, executes nothing."""
    (run / EXAMPLE.name).write_text("raise AssertionError")
    monkeypatch.chdir(run)
    load_plugin(EXAMPLE)
    assert read_run(run).config.hparams.loss == "squares"


def test_an_unknown_loss_names_the_nearest_and_an_example_of_a_plugin(call, tmp_path, monkeypatch):
    done = call("train", "--loss", "least_square", "--out", tmp_path)
    assert "unknown loss 'least_square', did you mean least_squares: choose from " in done.stderr
    example = Path(done.stderr.strip().rpartition("one of your own comes with --plugin FILE.py, such as ")[2])
    assert not example.is_absolute()
    load_plugin(example)
    assert Hyperparameters(loss="squares").loss == "squares"
    monkeypatch.chdir(tmp_path)
    assert str(EXAMPLE) in call("train", "--loss", "x", "--out", tmp_path).stderr
    monkeypatch.setattr(cli, "EXAMPLE", tmp_path / "none.py")  # a checkout without it
    assert '--plugin FILE.py: see "a plugin" in docs/extending.md' in call("train", "--loss", "x").stderr
    headings = re.findall(r"^## (.+)$", (EXAMPLE.parents[2] / "docs" / "extending.md").read_text(), re.MULTILINE)
    assert {"A loss", "A data set"} <= set(headings)  # which messages name
    assert any("a plugin" in heading for heading in headings)
    with pytest.raises(UserError, match=r"an entry in gan_jax\.losses\.adversarial\.LOSSES"):
        Hyperparameters(loss="least_square")


def test_a_penalty_of_a_plugin_is_added_to_the_loss(mnist):
    """A penalty that returns 1 changes nothing but its weight's part of the loss; one of D's gradient changes D."""
    load_plugin(EXAMPLE)
    assert Hyperparameters(r1=2.0, plugin_penalties="flat: 0.5").penalties == {"r1": 2.0, "flat": 0.5}
    images, found = mnist.train_images[:16], []
    for weights in ("", "flat: 0", "flat: 0.5"):
        hparams = Hyperparameters(batch_size=16, plugin_penalties=weights)
        state, _ = train_step(init_state(jax.random.key(0), hparams), images, hparams=hparams, discriminator_steps=1)
        found.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state.discriminator)]))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("flat", "must be like 'mine: 0.1"),
        ("flat: x", "must be like"),
        ("flat: -1", "must be like"),
        ("flat: 1, flat: 2", "must be like"),
        ("mine: 1", "unknown penalty 'mine': plugins have added none"),
        ("r1: 1", "r1 is no penalty of a plugin"),
    ],
)
def test_weights_that_cannot_be_read_are_refused(text, named):
    with pytest.raises(UserError, match=re.escape(named)):
        Hyperparameters(plugin_penalties=text)


def test_a_plugin_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import gan_jax\ngan_jax.register_metric('left', len, meaning='Left.')\nraise ValueError('no')\n")
    tables = [dict(table) for table in plugins.METRIC_TABLES]
    with pytest.raises(UserError, match="broken"):
        plugins.load_plugin(path)
    assert [dict(table) for table in plugins.METRIC_TABLES] == tables
    assert "left" not in MEASUREMENTS
