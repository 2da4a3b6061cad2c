"""Grouping of runs by seed, and the explanation of saturation."""

import numpy as np
import pytest

from gan_jax.analysis.run_groups import LoadedRun, group_by_seed
from gan_jax.analysis.saturation import explain_saturation
from gan_jax.config import Config, Hyperparameters

GRID = np.zeros((4, 4), np.uint8)


def run(name: str, seed: int = 0, **columns: list[float]) -> LoadedRun:
    length = len(next(iter(columns.values())))
    metrics = {"epoch": np.arange(1.0, length + 1)} | {key: np.array(values) for key, values in columns.items()}
    return LoadedRun(Config(name=name if seed == 0 else f"{name}-seed_{seed}", seed=seed), metrics, GRID, length)


def test_seeds_are_grouped_and_no_run_is_left_out():
    runs = [run("a", 0, generator_loss=[1, 2]), run("a", 3, generator_loss=[1, 4]), run("b", 0, generator_loss=[1, 9])]
    assert group_by_seed(runs) == {"a": runs[:2], "b": runs[2:]}


@pytest.mark.parametrize(
    "other",
    [
        dict(config=Config(name="a-seed_3", seed=3, hparams=Hyperparameters(learning_rate=1e-2))),
        dict(config=Config(name="a-seed_3", seed=3, dataset="kmnist")),
        dict(data="other"),
        dict(trainer="torch"),
        dict(metrics={"epoch": np.array([1.0]), "generator_loss": np.array([1.0])}),
        dict(config=Config(name="a", seed=0)),  # the same seed, perhaps on another machine, is not a second sample
    ],
)
def test_runs_that_differ_in_more_than_the_seed_are_not_grouped(other):
    runs = [run("a", 0, generator_loss=[1, 2])._replace(path="/b/X/a"), run("a", 3, generator_loss=[1, 4])]
    assert list(group_by_seed(runs)) == ["a"]
    runs[1] = runs[1]._replace(path="/b/Y/a", **other)
    groups = group_by_seed(runs)
    same_name = runs[1].config.name == "a"
    assert list(groups) == (["a (X/a)", "a (Y/a)"] if same_name else ["a", "a-seed_3"])
    assert list(groups.values()) == [[runs[0]], [runs[1]]]


@pytest.mark.parametrize(
    ("norm", "words"),
    [(1e-9, "G no longer learns"), (0.0, "G no longer learns"), (1e-3, "G learns very slowly"), (1.0, "G can learn")],
)
def test_explanation_quotes_the_figures_and_concludes_from_them(norm, words):
    own = run("b", fake_probability=[0.5, 1e-4, 0.1], generator_gradient_norm=[1.0, norm, 5.0])
    baseline = run("a", fake_probability=[0.5, 0.25], generator_gradient_norm=[1.0, 4.0])
    text = explain_saturation("b", own, "a", baseline)
    assert text.startswith("At epoch 2 the mean D(G(z)) is 0.0001 in b and 0.25 in a. ")
    assert f"norm {norm:.2g} against 4" in text
    assert words in text
    assert text.count(". ") == 1  # two sentences


def test_explanation_of_a_larger_gradient():
    own = run("b", fake_probability=[0.5], generator_gradient_norm=[800.0])
    baseline = run("a", fake_probability=[0.5], generator_gradient_norm=[4.0])
    text = explain_saturation("b", own, "a", baseline)
    assert text.endswith("has norm 8e+02 against 4, 2e+02 times more: G can learn from its gradient.")
