"""The numbers in docs/why.md and docs/measurements.md are measured, and its examples print what they say."""

import doctest
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from PIL import Image

import gan_jax
from experiments.homework.parts import PART_BEST
from gan_jax.analysis import takeover
from gan_jax.analysis.intervals import interval
from gan_jax.analysis.metrics import by_digit
from gan_jax.analysis.tables import binary_entropy
from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import UserError
from gan_jax.evaluation import load_classifier, make_reference
from gan_jax.losses.adversarial import cross_entropy, losses_at_half
from gan_jax.runs import trainer
from gan_jax.runs.comparison import read_run
from gan_jax.training.state import init_state
from tests.helpers.printed import RESULTS, SEEDS, Page, assert_printed, last, metrics_of, range_of_one_more

PAGE = Page("why")


def at(name: str, column: str, epoch: int) -> float:
    return float(metrics_of(name)[column][epoch - 1])


def test_the_examples_print_what_they_say():
    examples = re.findall(r"^```pycon\n(.+?)^```$", PAGE.text, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for text in examples:
        test = doctest.DocTestParser().get_doctest(text, {}, "docs/why.md", None, None)
        assert doctest.DocTestRunner().run(test).failed == 0


def test_the_losses_table():
    for row in PAGE.table("run"):
        name, epoch = row["run"].strip("`"), int(row["epoch"])
        for title, column in (
            ("D loss", "discriminator_loss"),
            ("G loss", "generator_loss"),
            ("Fréchet", "frechet"),
        ):
            assert_printed(row[title], at(name, column, epoch))
    both = losses_at_half("non_saturating", Hyperparameters().targets)
    assert_printed(PAGE.quoted(r"## What do losses of (.+?) mean").replace(" and", ""), *both)


def alike(name: str, epoch: int) -> float:
    """Return the least correlation of one of 64 shipped samples with the mean of all."""
    grid = np.asarray(Image.open(RESULTS / name / "samples" / f"epoch_{epoch:03}.png"), float)
    rows = grid[2:, 2:].reshape(8, 30, 8, 30)[:, :28, :, :28]  # a border of 2 pixels before each image
    samples = rows.swapaxes(1, 2).reshape(64, 784)
    return min(np.corrcoef(sample, samples.mean(axis=0))[0, 1] for sample in samples)


def test_part_b_draws_one_blob():
    assert PAGE.table("run")[2]["what it draws"].startswith("one speckled blob")
    assert "all samples are one speckled blob" in Page("teaching").line
    # Measured: 0.995 or more in part_b; 0.33 and 0.27 where the samples are digits and where most are ones.
    assert min(alike("part_b", epoch) for epoch in (1, 50, 100)) > 0.99
    assert max(alike(name, 100) for name in ("part_a", "part_c4")) < 0.5


def test_what_more_epochs_and_better_settings_bring():
    found = PAGE.quoted(r"Fréchet distance is (\d+) at epoch 90 and (\d+) at epoch 100")
    assert_printed(found, at("part_a", "frechet", 90), at("part_a", "frechet", 100))
    best = interval([last(f"part_best{seed}")["frechet"] for seed in ("", "-seed_1", "-seed_2")])
    assert_printed(PAGE.quoted(r"two networks reach (.+?)\. "), best.mean, best.spread)
    assert all(max(metrics_of(name)["epoch"]) <= 100 for name in (*SEEDS, "part_best"))


def test_the_blob_phase():
    columns = {"Fréchet, seeds 0, 1, 2": "frechet", "precision": "precision", "classes": "classes_covered"}
    rows = PAGE.table("`part_a` after")
    assert len(rows) == 5
    for row in rows:
        epoch = int(row["`part_a` after"].split()[0])
        for title, column in columns.items():
            assert_printed(row[title], *(at(name, column, epoch) for name in SEEDS))
    penalized, small = (f"improvements/screening/{name}" for name in ("r1_r2", "small_batch"))
    found = PAGE.quoted(r"distance is (\d+) after 10 epochs, and with a quarter of the batch size it is (\d+)\.")
    assert_printed(found, at(penalized, "frechet", 10), at(small, "frechet", 10))
    assert at(small, "frechet", 10) < at("part_a", "frechet", 40)


def test_the_saturating_loss():
    usual = PAGE.quoted(r"gradient has norm \S+, where `part_a` has (\d+\.\d)")
    assert_printed(usual, at("part_a", "generator_gradient_norm", 2))
    for epoch, pattern in (
        (2, r"at epoch 2 D\(G\(z\)\) is (\S+) and G's gradient has norm (\S+), where"),
        (10, r"At epoch 10 D\(G\(z\)\) is (\S+) and the gradient (\S+)\. "),
    ):
        for printed, column in zip(
            PAGE.quoted(pattern).split(), ("fake_probability", "generator_gradient_norm"), strict=True
        ):
            assert printed == f"{at('part_b', column, epoch):.2g}"


def test_a_loss_that_is_cut_off():
    assert_printed(PAGE.quoted(r"and -log 1e-7 is ([\d.]+)\. "), -math.log(1e-7))
    logit = torch.tensor([-200.0], requires_grad=True)  # float32, whose sigmoid is 0
    cut_off = torch.nn.BCELoss()(torch.sigmoid(logit), torch.ones(1))
    assert f"PyTorch's `BCELoss` cuts off at {cut_off.item():.0f} instead" in PAGE.line
    assert torch.autograd.grad(cut_off, logit)[0].item() == 0
    assert torch.nn.BCEWithLogitsLoss()(logit, torch.ones(1)).item() == 200
    first = PAGE.quoted(r"G's loss is (.+?) in the first epoch with a gradient of norm (\d+),")
    assert_printed(first, at("part_c2", "generator_loss", 1), at("part_c2", "generator_gradient_norm", 1))
    assert_printed(PAGE.quoted(r"at epoch 100 it has come down to (.+?)\. "), at("part_c2", "generator_loss", 100))


def test_a_perfect_discriminator():
    found = PAGE.quoted(r"D is right about (\d+) % of the images at epoch 30, .+? norm ([\d.]+)\. In `part_b`")
    accuracy = 100 * at("part_c4", "discriminator_accuracy", 30)
    assert_printed(found, accuracy, at("part_c4", "generator_gradient_norm", 30))
    assert (metrics_of("part_b")["discriminator_accuracy"][1:] > 0.99).all()
    late = "improvements/ablation/best_without_relativistic_r1_r2"
    found = PAGE.quoted(r"distance of ([\d.]+) at epoch 20 and is back at ([\d.]+) at epoch 40")
    assert_printed(found, *(at(late, "frechet", epoch) for epoch in (20, 40)))
    found = PAGE.quoted(r"D's accuracy grows from ([\d.]+) to ([\d.]+)\. So")
    assert_printed(found, *(at(late, "discriminator_accuracy", epoch) for epoch in (20, 40)))


def test_no_schedule_of_part_c_is_better():
    assert all(last(f"part_c{number}")["frechet"] > last("part_a")["frechet"] for number in range(1, 5))


def test_part_c4():
    ones, usual = metrics_of("part_c4")["digit_share_1"], range_of_one_more("digit_share_1")
    shares = [100 * float(ones[epoch - 1]) for epoch in (20, 30, 100)]
    found = PAGE.quoted(
        r"(\d+) % at epoch 20, (\d+) % at epoch 30 and (\d+) % at epoch 100, where .+? would have (\d+) to (\d+) %"
    )
    assert_printed(found, *shares, *(100 * (usual.mean + sign * usual.spread) for sign in (-1, 1)))
    found = PAGE.quoted(r"precision is ([\d.]+)\. They .+? mean image by ([\d.]+), real ones by ([\d.]+) \(root")
    c4 = last("part_c4")
    assert_printed(found, c4["precision"], c4["digit_spread_1"], c4["digit_real_spread_1"])


def test_what_a_head_start_leads_to():
    assert "only `part_c2` goes through the same state" in PAGE.line
    found = PAGE.quoted(r"It has (\d+) % ones at epoch 30, and (\d+) % at epoch 100")
    assert_printed(found, *(100 * at("part_c2", "digit_share_1", epoch) for epoch in (30, 100)))
    found = PAGE.quoted(r"`part_c1` has (\d+) % at epoch 30, and at most (\d+) %, at epoch 60")
    shares = metrics_of("part_c1")["digit_share_1"]
    assert int(np.nanargmax(shares)) + 1 == 60
    assert_printed(found, 100 * shares[29], 100 * shares[59])


def test_targets_out_of_range():
    for row in PAGE.table("D's logit of a real image"):
        logit = jnp.array([float(row["D's logit of a real image"])])
        for target in (0.9, 1.1):
            assert_printed(row[f"loss with target {target}"], float(cross_entropy(logit, target)))
    with pytest.raises(UserError, match=r"^real_target must be from 0 to 1, not 1\.1$"):
        Hyperparameters(real_target=1.1)


def test_weights_of_penalties():
    runs = {weight: f"improvements/stacked_mnist/weights_{weight}" for weight in (3, 10, 30)}
    found = PAGE.quoted(r"differ little after 50 epochs: (\d+) and (\d+) of 1000 modes .+? weight 3 has (\d+),")
    assert_printed(found, *(at(runs[weight], "modes", 50) for weight in (10, 30, 3)))
    betas = {weight: read_run(RESULTS / run).config.hparams.adam_b1 for weight, run in runs.items()}
    assert betas == {3: 0.0, 10: 0.5, 30: 0.5}
    assert "Adam's first beta is 0 there instead of 0.5" in PAGE.line


@pytest.mark.slow
def test_the_frechet_distance_of_few_images():
    """Each number of images needs the features of all test images again."""
    images, classifier = gan_jax.load_dataset("mnist"), load_classifier()
    [row] = PAGE.table("images")
    for count, printed in list(row.items())[1:]:
        reference = make_reference(images.train_images, images.test_images, classifier, int(count))
        assert reference.feature_reference is not None
        assert_printed(printed, reference.feature_reference.frechet_floor)


def test_too_few_images_are_refused():
    images = gan_jax.load_dataset("mnist")
    with pytest.raises(ValueError, match="Each must be more than 5"):
        make_reference(images.train_images, images.test_images, None, 5)


def test_the_seeds_of_part_a():
    assert_printed(
        PAGE.quoted(r"`part_a` ends at (.+?) with seeds").replace("and", ""), *(last(name)["frechet"] for name in SEEDS)
    )


def test_which_runs_have_values_for_each_digit():
    """Evaluated epochs alone, of runs whose D answers with a probability for each image."""
    answers = by_digit(metrics_of("part_a"), "digit_real_probability")
    evaluated = np.isfinite(metrics_of("part_a")["frechet"])
    assert np.array_equal(np.isfinite(answers).all(axis=1), evaluated)
    assert 0 < evaluated.sum() < 100
    text = Page("measurements").line
    for hparams, words in (
        (Hyperparameters(), None),
        (PART_BEST.config.hparams, "shift-invariant loss, as in `part_best`"),
        (Hyperparameters(pack_size=2, dropout_rate=0), "those with packing"),
    ):
        config = Config(name="x", epochs=1, hparams=hparams)
        functions = trainer._model_fns(init_state(jax.random.key(0), hparams), config)
        assert (functions.by_digit is None) == (words is not None)
        assert words is None or words in text


def test_intervals_and_entropies_on_the_page_of_measurements():
    page = Page("measurements")
    mean_row, range_row = page.table("written")
    values = [last(name)["frechet"] for name in SEEDS]
    assert_printed(mean_row["written"], *interval(values)[:2])
    one_more = range_of_one_more("frechet")
    assert_printed(range_row["written"], one_more.mean - one_more.spread, one_more.mean + one_more.spread)
    norms = interval([last(name)["generator_gradient_norm"] for name in SEEDS], geometric=True)
    assert_printed(page.quoted(r"is a factor: (\S+ \S/÷ \S+) means"), *norms[:2])
    two = [last(f"improvements/one_sided_saturating{seed}")["frechet"] for seed in ("", "-seed_1")]
    assert_printed(page.quoted(r'as "(.+?)"'), *two)
    assert_printed(page.quoted(r"it would be (.+?)\."), *interval(two)[:2])
    least = page.quoted(r"it is at least ([\d.]+) in `part_c5` and ([\d.]+) in `part_c6`")
    assert_printed(least, 2 * binary_entropy(0.9), binary_entropy(0.9))


def test_why_part_c4_draws_ones():
    metrics = metrics_of("part_c4")
    found = takeover.facts(metrics, 1)
    assert found is not None
    text = PAGE.quoted(r"20 its mean answer is (\S+) for ones, (\S+) for sevens, and (\S+) for all digits but ones")
    assert text == f"{found.fake:.2g} {found.fake_next:.2g} {found.fake_others:.2g}"
    assert (found.epoch, found.next_digit) == (20, 7)
    assert "D rejected generated 1s and 7s least" in takeover.explain(found)[0]
    assert "D rejects ones and sevens least." in PAGE.line
    spreads = np.delete(found.spreads, 1)
    text = PAGE.quoted(r"Real ones differ from their mean image by (\S+), the other digits by (\S+) to (\S+)\. So")
    assert_printed(text, found.spreads[1], spreads.min(), spreads.max())
    text = PAGE.quoted(r"At epoch 20, (\d+) % of the samples are ones, and they have (\d+) % of the gradient's length")
    assert_printed(text, 100 * found.share, 100 * found.gradient_share)
    assert_printed(PAGE.quoted(r"at epoch 100 its mean answer for real ones is (\S+), and"), found.last_real)
    assert found.last == 100
    reals = by_digit(metrics, "digit_real_probability")[99]
    assert np.delete(reals, 1).min() > 0.97
    assert "each other real digit it is above 0.97" in PAGE.line


def test_ones_are_rejected_least_in_part_a_too():
    """At two of the three epochs, and ones do not take over afterwards."""
    metrics, [ones, others, share] = metrics_of("part_a"), PAGE.table("`part_a` at epoch")
    answers, shares = by_digit(metrics, "digit_fake_probability"), by_digit(metrics, "digit_share")
    for epoch in (40, 50, 60):
        own, drawn = answers[epoch - 1], np.delete(shares[epoch - 1], 1)
        mean = np.average(np.nan_to_num(np.delete(own, 1)), weights=drawn)
        assert_printed(ones[str(epoch)], own[1])
        assert_printed(others[str(epoch)], mean)
        assert_printed(share[str(epoch)], 100 * shares[epoch - 1, 1])
        assert (np.nanargmax(own) == 1) == (epoch < 60)
    assert_printed(PAGE.quoted(r"they never have more than (\d+) % of the samples"), 100 * np.nanmax(shares[:, 1]))
