"""Tables of groups of runs against closed forms and scipy."""

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from gan_jax.analysis.formats import TIMES
from gan_jax.analysis.run_groups import LoadedRun, group_by_seed
from gan_jax.analysis.table_formats import as_csv, as_markdown, as_text
from gan_jax.analysis.tables import as_cells, binary_entropy, differences, footnotes
from gan_jax.config import Config, Hyperparameters
from gan_jax.losses.adversarial import LOSSES
from tests.analysis.test_run_groups import run


def test_every_group_has_a_row():
    runs = [run("a", 0, generator_loss=[1, 2]), run("a", 3, generator_loss=[1, 4]), run("b", 0, generator_loss=[1, 9])]
    groups = group_by_seed(runs)
    rows = list(csv.DictReader(io.StringIO(as_csv(groups))))
    assert [row["run"] for row in rows] == ["a", "b"]
    assert float(rows[0]["generator_loss"]) == 3.0
    assert float(rows[0]["generator_loss_half_width"]) == pytest.approx(12.706 * math.sqrt(2) / math.sqrt(2), rel=1e-4)
    assert rows[1]["generator_loss_half_width"] == ""
    assert "2 and 4" in as_text(groups)
    assert "| a | 2 | 2 | 2 and 4 |" in as_markdown(groups)


def test_a_missing_metric_is_a_dash():
    groups = group_by_seed([run("a", frechet=[10.0]), run("b", generator_loss=[1.0])])
    assert as_markdown(groups).splitlines()[2:4] == ["| a | 1 | 1 | - | 10.0 |", "| b | 1 | 1 | 1 | - |"]


def test_a_run_whose_value_is_nan_keeps_its_row():
    assert "| a | 1 | 1 | - |" in as_markdown(group_by_seed([run("a", frechet=[math.nan])]))


def seeds(name: str, column: str, *values: float) -> list[LoadedRun]:
    """Runs that are grouped with each other and with no others."""
    return [run(name, seed, **{column: [value]})._replace(data=name) for seed, value in enumerate(values)]


def lines(text: str) -> dict[str, str]:
    """The lines of a text table by their row heading; of repeated headings the last."""
    return {line[: line.index("  ")]: line for line in text.splitlines() if "  " in line}


@pytest.mark.parametrize("column", ["fake_probability", "generator_gradient_norm"])
def test_metrics_that_span_decades_have_a_geometric_mean_and_a_factor(column):
    groups = group_by_seed(seeds("a", column, 1e-20, 1e-10, 1e-15))
    factor = 10 ** (4.30265 * 5 / math.sqrt(3))
    assert f"| 1e-15 {TIMES}/÷ {factor:.3g} |" in as_markdown(groups)
    (row,) = csv.DictReader(io.StringIO(as_csv(groups)))
    assert float(row[column]) == pytest.approx(1e-15)
    assert float(row[f"{column}_factor"]) == pytest.approx(factor, rel=1e-4)
    assert f"{column}_half_width" not in row


def test_zeros_are_counted_separately():
    groups = group_by_seed([*seeds("a", "fake_probability", 0.2, 0.4), *seeds("b", "fake_probability", 1e-9, 1e-9, 0)])
    assert "| 1e-09, zeros: 1 of 3 |" in as_markdown(groups)
    rows = list(csv.DictReader(io.StringIO(as_csv(groups))))
    assert [row["fake_probability_zeros"] for row in rows] == ["0", "1"]
    assert rows[1]["fake_probability_ratio"] == ""  # the ratio would leave out the zero
    only = as_markdown(group_by_seed(seeds("b", "fake_probability", 0, 0)))
    assert "| 0, zeros: 2 of 2 |" in only


def test_differences_from_the_first_group():
    groups = group_by_seed(
        [*seeds("a", "frechet", 10, 12), *seeds("b", "frechet", 20, 24, 22), *seeds("c", "frechet", 9)]
    )
    found = scipy.stats.ttest_ind([20, 24, 22], [10, 12], equal_var=False).confidence_interval(0.95)
    half_width = (found.high - found.low) / 2
    text = as_text(groups)
    assert lines(text)["difference from a"].split()[-2:] == ["b", "c"]
    assert lines(text)["Fréchet"].split("  ", 1)[1].strip() == f"+11.0 ± {half_width:.1f}  n = 1"
    assert "Welch" in text
    assert f"| b | +11.0 ± {half_width:.1f} |" in as_markdown(groups)
    rows = list(csv.DictReader(io.StringIO(as_csv(groups))))
    assert [row["frechet_difference"] for row in rows] == ["", "11.0", "-2.0"]
    assert float(rows[1]["frechet_difference_half_width"]) == pytest.approx(half_width)
    assert rows[2]["frechet_difference_half_width"] == ""


def test_metrics_that_span_decades_are_compared_by_a_ratio():
    name = "generator_gradient_norm"
    groups = group_by_seed([*seeds("a", name, 1, 4), *seeds("b", name, 1e-9, 1e-9, 1e-9)])
    assert f"| b | {TIMES}5e-10 {TIMES}/÷ 6.68e+03 |" in as_markdown(groups)  # 12.706 standard errors of log10(2)


def test_single_runs_are_marked_n_1():
    groups = group_by_seed([run("a", frechet=[10.0]), run("b", frechet=[12.0])])
    for text in (as_text(groups), as_markdown(groups)):
        assert "n = 1" in text
        assert "difference from" not in text


def test_differences_are_explained_where_they_are_shown():
    single = group_by_seed([*seeds("a", "frechet", 10, 12), *seeds("b", "frechet", 20)])
    several = group_by_seed([*seeds("a", "frechet", 10, 12), *seeds("b", "frechet", 20, 24)])
    assert not any("Welch" in note for note in footnotes(single))
    assert any("Welch" in note for note in footnotes(several))
    assert not any("Welch" in note for note in footnotes(several, with_differences=False))


@pytest.mark.parametrize(("classes", "cells"), [((10, 9), ["10", "9"]), ((10, 9.5), ["10.0", "9.5"])])
def test_counts_have_no_decimals_if_all_are_whole(classes, cells):
    groups = group_by_seed([run(name, classes_covered=[value]) for name, value in zip("ab", classes, strict=True)])
    assert [row[-1] for row in as_cells(groups)[0][1:]] == cells


def test_means_of_unequal_counts_have_decimals():
    assert "| 8 and 10 |" in as_markdown(group_by_seed(seeds("a", "classes_covered", 8, 10)))


def test_precision_recall_density_and_coverage_are_adjacent_columns():
    groups = group_by_seed([run("a", precision=[0.9], recall=[0.2], density=[0.6], coverage=[0.1])])
    assert as_cells(groups)[0] == [
        ["run", "seeds", "epochs", "precision", "recall", "density", "coverage"],
        ["a", "1", "1", "0.900", "0.20", "0.60", "0.10"],
    ]


def test_a_metric_missing_in_one_seed_is_averaged_over_the_others():
    runs = [run("a", 0, frechet=[10.0]), run("a", 1, frechet=[12.0]), run("a", 2, generator_loss=[1.0])]
    runs.append(run("a", 3, frechet=[math.nan]))
    groups = group_by_seed(runs)
    assert "| 1 (n = 1) | 10.0 and 12.0 (n = 2) |" in as_markdown(groups)
    (row,) = csv.DictReader(io.StringIO(as_csv(groups)))
    assert (row["seeds"], row["frechet"], row["frechet_n"]) == ("4", "11.0", "2")


def test_losses_with_different_targets_are_footnoted():
    def of(name: str, **hparams) -> LoadedRun:
        return run(name, discriminator_loss=[1.0])._replace(
            config=Config(name=name, hparams=Hyperparameters(**hparams))
        )

    plain, other = of("a"), of("d", learning_rate=1e-3)
    assert not any("not comparable" in note for note in footnotes(group_by_seed([plain, other])))
    smooth = [of("b", real_target=0.9, fake_target=0.1), of("c", real_target=0.9)]
    for text in (as_text(group_by_seed([plain, *smooth])), as_markdown(group_by_seed([plain, *smooth]))):
        assert "entropy of D's targets, in nats: 0 in a, 0.65 in b, 0.33 in c" in text
        assert "G loss" not in text
    saturating = footnotes(group_by_seed([plain, of("e", loss="saturating")]))
    assert [note[:6] for note in saturating if "not comparable" in note] == ["G loss"]


def test_no_difference_is_shown_of_what_cannot_be_compared():
    """A dash in its place, and one line that says why; other runs and other columns keep theirs."""

    def of(name: str, *losses: float, **hparams) -> list[LoadedRun]:
        config = Config(name=name, hparams=Hyperparameters(**hparams))
        found = seeds(name, "discriminator_loss", *losses)
        return [
            run._replace(
                config=replace(config, name=run.config.name, seed=run.config.seed),
                metrics={**run.metrics, "recall": run.metrics["discriminator_loss"] / 10},
            )
            for run in found
        ]

    groups = group_by_seed([*of("a", 1, 2), *of("b", 3, 5, real_target=0.9), *of("c", 3, 5, dropout_rate=0.5)])
    ((_, losses, recalls),) = [list(zip(*cells, strict=True)) for cells in as_cells(groups)[1:]]
    assert losses[:2] == ("D loss", "-")
    assert losses[2].startswith("+2.5 ±")
    assert [cell[:5] for cell in recalls] == ["recal", "+0.25", "+0.25"]
    assert as_text(groups).count("not comparable") == 1
    rows = list(csv.DictReader(io.StringIO(as_csv(groups))))
    assert [row["discriminator_loss_difference"] for row in rows] == ["", "", "2.5"]
    assert [row["recall_difference"] for row in rows] == ["", "0.25", "0.25"]
    found = differences(groups)[0]["discriminator_loss"]
    assert math.isnan(found.mean)
    assert math.isnan(found.spread)


def test_different_losses_of_d_are_footnoted(monkeypatch):
    """The footnote on entropy, their minimum, is for cross-entropies only."""
    other = LOSSES["non_saturating"]._replace(discriminator=lambda real, fake, targets: real.mean() - fake.mean())
    monkeypatch.setitem(LOSSES, "other", other)
    configs = [Config(name=name, hparams=Hyperparameters(loss=name)) for name in LOSSES]
    runs = [run(config.name, discriminator_loss=[1.0])._replace(config=config) for config in configs]
    found = [note for note in footnotes(group_by_seed(runs)) if note.startswith("D loss")]
    assert found == ["D loss: not comparable, the runs minimize different functions"]
    assert not any("entropy" in note for note in footnotes(group_by_seed([runs[-1]])))


def test_entropy_is_the_minimum_of_the_cross_entropy():
    probability = np.linspace(1e-4, 1 - 1e-4, 9999)
    for target in (0.9, 0.1, 0.5):
        cross = -target * np.log(probability) - (1 - target) * np.log1p(-probability)
        assert binary_entropy(target) == pytest.approx(cross.min(), abs=1e-7)
    assert binary_entropy(0) == binary_entropy(1) == 0


def test_shift_invariant_losses_have_no_comparable_d_outputs():
    configs = [
        Config(name=loss, hparams=Hyperparameters(loss=loss)) for loss in ("hinge", "wasserstein", "relativistic")
    ]
    runs = [run(config.name, fake_probability=[0.5])._replace(config=config) for config in configs]
    found = [note for note in footnotes(group_by_seed(runs)) if note.startswith("D(G(z))")]
    assert found == ["D(G(z)): not comparable, D's logit is defined only up to a constant in wasserstein, relativistic"]
    assert not [note for note in footnotes(group_by_seed(runs[:1])) if note.startswith("D(G(z))")]
