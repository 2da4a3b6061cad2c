"""Metrics of one's own: refused by name where they cannot be, and shown wherever the others are."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax.analysis import charts
from gan_jax.analysis.glossary import MEANINGS
from gan_jax.analysis.metrics import measured_over_epochs
from gan_jax.analysis.own_metrics import BUILT_IN, register_metric
from gan_jax.analysis.run_groups import group_by_seed, metrics_of
from gan_jax.analysis.table_formats import as_markdown
from gan_jax.errors import UserError
from gan_jax.evaluation.own_metrics import measure_own
from gan_jax.runs.comparison import read_run
from gan_jax.runs.run_dir import RunDir

pytestmark = pytest.mark.usefixtures("own_tables", "narrow_runs")
CONFIG = gan_jax.Config(name="few", dataset="archives", epochs=2)


def ink(samples: np.ndarray) -> float:
    return float(samples.mean())


@pytest.fixture
def digits(small_archives):
    return gan_jax.load_dataset(small_archives)


def test_it_is_measured_at_each_evaluation_and_shown_like_the_others(tmp_path, digits, capsys):
    """A run with the metric has the bits of one without."""
    plain = gan_jax.train(replace(CONFIG, name="plain"), digits, out=tmp_path, progress=False)
    register_metric("ink", ink, label="mean brightness", meaning="Mean of the pixels.")
    options = gan_jax.TrainerOptions(evaluate_every=1)
    run = gan_jax.train(CONFIG, digits, out=tmp_path, trainer_options=options)
    assert "mean brightness" in capsys.readouterr().out
    assert np.isfinite(run.read_metrics()["ink"]).tolist() == [True, True]
    assert run.read_manifest()["params_sha256"] == plain.read_manifest()["params_sha256"]
    groups = group_by_seed([read_run(run.path)])
    assert "| ink |" in as_markdown(groups).splitlines()[0]
    metrics = metrics_of(groups)
    titles = [chart.title for chart in charts.compare_metrics(metrics, measured_over_epochs(metrics))]
    assert "Mean brightness" in titles
    assert gan_jax.evaluate(gan_jax.sample(run, 20), digits).own == {"ink": ink(np.asarray(gan_jax.sample(run, 20)))}


def test_a_name_belongs_to_one_function(digits):
    """Another function is refused in one line, which says where the first is, unless it is to be replaced."""
    register_metric("ink", ink, meaning="Mean of the pixels.")
    with pytest.raises(UserError) as error:
        register_metric("ink", lambda samples: 7, meaning="Seven.")
    assert str(error.value) == (
        f"another metric is registered as 'ink', in {__file__}: rename one of the two, or replace it with "
        "register_metric(..., replace=True)"
    )
    assert gan_jax.evaluate(jnp.full((20, 784), -0.5), digits).own == {"ink": -0.5}
    register_metric("ink", lambda samples: 7, meaning="Seven.", replace=True)
    assert gan_jax.evaluate(jnp.full((20, 784), -0.5), digits).own == {"ink": 7.0}


def test_a_cell_of_a_notebook_may_be_run_again():
    """The same definition makes another function each time; its new meaning counts."""
    cell = "register_metric('ink', lambda samples: samples.mean(), meaning=meaning)"
    notebook: dict[str, Any] = {"register_metric": register_metric}
    for meaning in ("Brightness.", "Mean brightness."):
        notebook["meaning"] = meaning
        exec(cell, notebook)
    assert MEANINGS["ink"] == "Mean brightness."
    with pytest.raises(UserError, match="another metric is registered as 'ink': rename"):
        exec(cell.replace("mean()", "std()"), notebook)
    with pytest.raises(UserError, match="another metric"):
        exec(cell, {"register_metric": register_metric, "meaning": "Another notebook."})


def test_functions_that_one_function_makes_are_told_apart():
    """Their code is the same, but not what they compute."""

    def power(exponent: int) -> Callable[[np.ndarray], float]:
        return lambda samples: float((samples**exponent).mean())

    register_metric("power", power(1), meaning="Mean.")
    with pytest.raises(UserError, match="another metric"):
        register_metric("power", power(2), meaning="Mean square.")


def test_a_field_that_a_metric_does_not_have_is_named():
    with pytest.raises(UserError, match="unknown field of a metric 'geometrc', did you mean geometric"):
        register_metric("ink", ink, meaning="x", geometrc=True)
    with pytest.raises(UserError, match="needs a function of samples, not float"):
        register_metric("ink", 0.5, meaning="x")  # pyright: ignore[reportArgumentType]


def test_every_column_of_the_library_is_refused(tmp_path, digits):
    run = gan_jax.train(replace(CONFIG, dataset="archives", epochs=1), digits, out=tmp_path, progress=False)
    columns = set(run.read_metrics()) | BUILT_IN | {"raw_frechet", "digit_share_1"}
    for name in columns:
        with pytest.raises(UserError, match=f"'{name}' is one of the library's"):
            register_metric(name, ink, meaning="x")


@pytest.mark.parametrize("name", [3, None, "", "Ink", "my ink", "ink,2", "1st", "x" * 51, "é"])
def test_a_name_that_is_no_column_is_refused(name):
    with pytest.raises(UserError, match="lower-case letters"):
        register_metric(name, ink, meaning="x")


def test_a_meaning_is_required():
    with pytest.raises(UserError, match="'ink' needs a meaning"):
        register_metric("ink", ink, meaning=" ")


RETURNED = {
    "NaN": math.nan,
    "infinity": np.float32("inf"),
    "beyond float32": 1e39,
    "text": "0.5",
    "nothing": None,
    "several": np.zeros(2),
    "a truth value": True,
    "complex": 1j,
}


@pytest.mark.parametrize("value", RETURNED.values(), ids=RETURNED)
def test_a_value_that_is_no_finite_number_is_refused_before_training(tmp_path, digits, value):
    register_metric("ink", lambda samples: value, meaning="x")
    with pytest.raises(UserError, match=r"the metric 'ink' returned .* not a finite number"):
        gan_jax.train(CONFIG, digits, out=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_failing_function_is_named(tmp_path, digits):
    register_metric("ink", lambda samples: samples.nonsense, meaning="x")
    with pytest.raises(UserError, match=re.escape("the metric 'ink' failed: AttributeError")):
        gan_jax.train(CONFIG, digits, out=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_samples_cannot_be_changed():
    def change(samples: np.ndarray) -> float:
        samples[0] = 0
        return 0.0

    with pytest.raises(UserError, match="read-only"):
        measure_own(jnp.zeros((2, 784)), {"change": change})
    assert measure_own(np.zeros((2, 784)), {"count": len}) == {"count": 2.0}


def test_a_run_that_fails_later_keeps_its_directory(tmp_path, digits):
    """The error comes at the evaluation of the second epoch; the same call resumes once the metric is mended."""
    calls = []

    def broken(samples: np.ndarray) -> float:
        calls.append(len(samples))
        return math.nan if len(calls) > 2 else 0.5

    options = gan_jax.TrainerOptions(evaluate_every=1, checkpoint_every=1)
    register_metric("ink", broken, meaning="x")
    with pytest.raises(UserError, match="the metric 'ink' returned"):
        gan_jax.train(CONFIG, digits, out=tmp_path, trainer_options=options, progress=False)
    assert len(RunDir(tmp_path / "few").read_rows()) == 1
    register_metric("ink", ink, meaning="x", replace=True)
    run = gan_jax.train(CONFIG, digits, out=tmp_path, trainer_options=options, progress=False)
    assert run.read_metrics()["ink"][0] == 0.5
    assert run.read_manifest()["epochs"] == 2
