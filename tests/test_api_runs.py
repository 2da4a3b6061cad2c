"""Runs from Python: a callback an epoch, comparisons, data frames, pages, and messages that suit a program."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.errors import UserError
from gan_jax.reports import run_report
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.interface import command_line

CONFIG = gan_jax.Config(name="few", dataset="archives", epochs=3)
pytestmark = pytest.mark.usefixtures("narrow_runs")


@pytest.fixture(scope="module")
def digits(small_archives):
    return gan_jax.load_dataset(small_archives)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, digits, narrow_runs) -> RunDir:
    return gan_jax.train(CONFIG, digits, out=tmp_path_factory.mktemp("plain"), progress=False)


def test_the_callback_sees_each_epoch_and_changes_nothing(tmp_path, digits, plain):
    """It is given copies; the run has the bits of one without a callback."""
    seen = []

    def spoil(info: gan_jax.EpochInfo) -> None:
        seen.append((info.epoch, dict(info.metrics), np.asarray(info.sample(4, seed=3)), info.params))
        info.metrics.clear()  # pyright: ignore[reportAttributeAccessIssue]
        for leaf in jax.tree.leaves(info.params):
            leaf.delete()

    run = gan_jax.train(CONFIG, digits, out=tmp_path, progress=False, on_epoch_end=spoil)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3]
    assert run.read_manifest()["params_sha256"] == plain.read_manifest()["params_sha256"]
    for there, here, (_, metrics, *_) in zip(plain.read_rows(), run.read_rows(), seen, strict=True):
        assert metrics == here
        del there["seconds"], here["seconds"]
        assert there == here
    np.testing.assert_array_equal(seen[-1][2], gan_jax.sample(run, 4, seed=3))


def test_parameters_outlive_their_epoch(tmp_path, digits):
    """The next epoch consumes the trainer's own arrays."""
    kept = []
    gan_jax.train(CONFIG, digits, out=tmp_path, progress=False, on_epoch_end=lambda info: kept.append(info.params))
    first, last = (
        jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(params)]) for params in (kept[0], kept[-1])
    )
    assert bool(jnp.isfinite(first).all())
    assert not bool(jnp.array_equal(first, last))


@pytest.mark.parametrize("error", [ZeroDivisionError("in the callback"), SystemExit(3)])
def test_an_error_in_the_callback_stops_the_run_after_its_epoch(tmp_path, digits, plain, error):
    """The epoch is saved, though no checkpoint was due; the same call goes on with the next, to the same bits."""
    epochs = []

    def fail(info: gan_jax.EpochInfo) -> None:
        epochs.append(info.epoch)
        if info.epoch == 2 and epochs.count(2) == 1:
            raise error

    with pytest.raises(type(error)):
        gan_jax.train(CONFIG, digits, out=tmp_path, progress=False, on_epoch_end=fail)
    assert [path.name for path in (tmp_path / "few" / "checkpoints").iterdir()] == ["epoch_002.safetensors"]
    run = gan_jax.train(CONFIG, digits, out=tmp_path, progress=False, on_epoch_end=fail)
    assert epochs == [1, 2, 3]
    assert run.read_manifest()["params_sha256"] == plain.read_manifest()["params_sha256"]
    gan_jax.train(CONFIG, digits, out=tmp_path, progress=False, on_epoch_end=fail)
    assert epochs == [1, 2, 3]  # of a finished run there is no epoch to see


def test_a_data_frame_of_runs(tmp_path, digits, plain):
    hparams = gan_jax.Hyperparameters(adam_b1=0.5)
    other = gan_jax.train(
        replace(CONFIG, name="b", epochs=1, seed=4, hparams=hparams), digits, out=tmp_path, progress=False
    )
    frame = gan_jax.metrics_frame([plain, str(other.path)])
    assert frame.columns[:4].tolist() == ["run", "seed", "adam_b1", "epoch"]
    assert frame["run"].tolist() == ["few"] * 3 + ["b"]
    assert frame["adam_b1"].tolist() == [0.9] * 3 + [0.5]
    np.testing.assert_array_equal(frame["generator_loss"][:3], plain.read_metrics()["generator_loss"])
    assert np.isfinite(frame["nearest_ratio"]).tolist() == [False, False, True, True]
    assert gan_jax.metrics_frame(plain).columns[:3].tolist() == ["run", "seed", "epoch"]


def test_without_pandas_the_line_that_installs_it(plain, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for frame in (lambda: gan_jax.metrics_frame(plain), lambda: gan_jax.compare(plain).to_pandas()):
        with pytest.raises(UserError, match="python -m pip install pandas"):
            frame()


def test_without_jinja2_the_line_that_installs_it(plain, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "gan_jax.reports.html", raising=False)
    monkeypatch.delattr("gan_jax.reports.html", raising=False)
    with pytest.raises(UserError, match="python -m pip install jinja2"):
        gan_jax.report(plain, tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_a_page_of_any_runs(plain, tmp_path, monkeypatch):
    """It has nothing of the homework's parts, and a section for the run."""
    monkeypatch.setattr(run_report, "PRETRAINED", {})  # networks of the usual sizes, which these narrow ones are not
    page = gan_jax.report(plain, tmp_path / "pages" / "x.html").read_text(encoding="utf-8")
    assert 'id="run-1"' in page
    assert "part_c4" not in page
    assert "homework" not in page.lower()
    with pytest.raises(UserError, match=r"names a file such as report\.html"):
        gan_jax.report(plain, tmp_path / "x.pdf")
    with pytest.raises(UserError, match="the same run is given twice"):
        gan_jax.report([plain, plain.path], tmp_path / "x.html")


def test_a_run_may_be_given_by_its_name(plain, monkeypatch):
    """It is looked for as the command does: where one stands, then in "runs", where `train` puts it."""
    monkeypatch.chdir(plain.path.parent.parent)
    plain.path.parent.rename("runs")
    try:
        assert str(gan_jax.compare("few")) == str(gan_jax.compare("runs/few"))
        assert gan_jax.metrics_frame(["few"])["run"].tolist() == ["few"] * 3
        np.testing.assert_array_equal(gan_jax.sample("few", 4), gan_jax.sample("runs/few", 4))
        with pytest.raises(UserError, match="there is no run fwe in runs: it holds few"):
            gan_jax.compare("fwe")
    finally:
        plain.path.parent.with_name("runs").rename(plain.path.parent)


def test_no_run_is_refused(tmp_path):
    for call in (gan_jax.compare, gan_jax.metrics_frame, lambda runs: gan_jax.report(runs, tmp_path / "x.html")):
        with pytest.raises(UserError, match=r"^give one run at least$"):
            call([])
    assert not list(tmp_path.iterdir())


def test_a_missing_run_names_those_that_are_there(plain):
    for call in (gan_jax.compare, gan_jax.metrics_frame, gan_jax.sample, lambda run: gan_jax.report(run, "x.html")):
        with pytest.raises(UserError, match=f"there is no run fwe in {plain.path.parent}: it holds few"):
            call(plain.path.with_name("fwe"))


def test_messages_say_what_to_call(plain, tmp_path, digits, capsys):
    """Neither options of the command line nor its name appear; on the command line they do."""
    out = plain.path.parent
    with pytest.raises(UserError) as error:
        gan_jax.train(replace(CONFIG, seed=9), digits, out=out, progress=False)
    found = str(error.value)
    assert "choose another Config(name=...) or out=..., or rerun with TrainerOptions(overwrite=True)" in found
    gan_jax.train(CONFIG, digits, out=out)
    shown = capsys.readouterr().out
    assert "is already finished (3 epochs): skipped; TrainerOptions(overwrite=True) retrains from scratch" in shown
    assert not [text for text in (found, shown, plain.read_manifest()["command"]) if "--" in text or "run.sh" in text]
    with command_line(), pytest.raises(UserError, match="another --name or --out, or rerun with --overwrite"):
        gan_jax.train(replace(CONFIG, seed=9), digits, out=out, progress=False)
