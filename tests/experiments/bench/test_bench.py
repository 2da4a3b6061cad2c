"""The operations are counted as XLA counts them, and timings are what they are called."""

import csv
import io
import json
import math
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.bench import command
from experiments.bench.cases import BenchCase
from experiments.bench.report import as_csv, as_markdown, draw, line_of, rows
from experiments.bench.studies import STUDIES
from experiments.bench.timing import Timing, measure
from experiments.improvements import cost
from experiments.improvements.variants import CHANGES
from gan_jax.config import Hyperparameters
from gan_jax.data.datasets import load
from gan_jax.errors import UserError
from gan_jax.models.flops import flops
from gan_jax.training.state import init_state
from gan_jax.training.train_step import train_step


@pytest.mark.parametrize(("steps", "width"), [(3, 1), (1, 2)])
def test_operations_are_those_that_xla_counts(steps, width):
    """XLA's own count of the compiled step, which has the element-wise operations too: at batch 512, below 5 % of all.

    It counts the body of the loop over discriminator steps once, whatever its length.
    """
    hparams = Hyperparameters(width_multiplier=width)
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), hparams))
    images = jax.ShapeDtypeStruct((hparams.batch_size, 784), jnp.uint8)
    compiled = train_step.lower(state, images, hparams=hparams, discriminator_steps=steps).compile()
    analysis = compiled.cost_analysis()
    assert analysis is not None
    counted = flops(hparams.batch_size, width).iteration(1)
    assert counted <= analysis["flops"] <= 1.05 * counted


def test_eight_parts_are_1056_epochs_of_part_a():
    """The figure that the speed of the whole homework is quoted in: 100 epochs of each part, by operations."""
    from experiments.homework.parts import PARTS

    total = sum(flops(512).iteration(part.config.discriminator_steps.steps(epoch))
                for part in PARTS.values() for epoch in range(1, 101))  # fmt: skip
    assert round(total / flops(512).iteration(1)) == 1056


def timing(arm: BenchCase, *seconds: float) -> Timing:
    return Timing(arm, list(seconds), 1.5, 10**9, None, "cpu", 2, {"jax": "0"})


JAX, TORCH, FLOOR = BenchCase(framework="jax"), BenchCase(framework="torch"), BenchCase(framework="products")


def test_ratios_are_of_the_same_repeat():
    """A load that slows one repeat threefold slows all arms in it, and must not show in the ratios."""
    timings = {
        "torch eager float32": timing(TORCH, 0.3, 0.9, 0.3),
        "JAX float32": timing(JAX, 0.1, 0.3, 0.1),
        "floor float32": timing(FLOOR, 0.08, 0.24, 0.08),
    }
    found = {row["arm"]: row for row in rows(STUDIES["frameworks"], timings)}
    assert found["JAX float32"]["times_torch_eager"] == pytest.approx(3)
    assert found["JAX float32"]["share_of_floor"] == pytest.approx(0.8)
    assert found["JAX float32"]["images_per_second"] == pytest.approx(5120)
    assert (found["JAX float32"]["least"], found["JAX float32"]["most"]) == pytest.approx((100, 300))
    assert math.isnan(found["floor float32"]["images_per_second"])
    assert "| JAX float32 | 100.0 (100.0 to 300.0) | 5120 | 0.80 | 3.00 | 1.5 | 1000 |" in as_markdown(
        list(found.values())
    )
    written = list(csv.DictReader(io.StringIO(as_csv(list(found.values())))))
    assert [row["arm"] for row in written] == list(timings)
    assert written[2]["images_per_second"] == ""


def test_a_gpu_s_arms_are_compared_in_their_own_precision():
    """And several seeds by the image: sixteen in four times the time are four times as fast."""
    study = STUDIES["frameworks"]
    assert study.arms_on("cpu") == study.arms
    arms = study.arms_on("gpu")
    timings = {label: timing(arm, 0.4) for label, arm in arms.items()}
    timings["torch eager tensorfloat32"] = timing(arms["torch eager tensorfloat32"], 0.1)
    found = {row["arm"]: row for row in rows(study, timings)}
    assert found["JAX tensorfloat32"]["times_torch_eager"] == pytest.approx(1 / 4)
    assert found["JAX tensorfloat32 of 16 seeds"]["times_torch_eager"] == pytest.approx(4)
    assert found["JAX tensorfloat32 of 16 seeds"]["share_of_floor"] == pytest.approx(16)
    assert found["JAX bfloat16"]["times_torch_eager"] == pytest.approx(1)


def test_line_is_compared_with_the_operations():
    """Times that go with the operations exactly have the ratio 1; a step of D twice as dear as they say, above it."""
    arms = [BenchCase(framework="jax", discriminator_steps=k) for k in (1, 2, 4)]
    slope, intercept, ratio = line_of([timing(arm, arm.flops * 1e-11) for arm in arms])
    assert ratio == pytest.approx(1)
    assert slope == pytest.approx(flops(512).discriminator_step * 1e-11)
    assert intercept == pytest.approx(flops(512).generator_step * 1e-11)
    dearer = [
        timing(arm, (arm.flops + arm.discriminator_steps * flops(512).discriminator_step) * 1e-11) for arm in arms
    ]
    assert line_of(dearer)[2] > 1.2


@pytest.mark.parametrize("study", [study for study in STUDIES.values() if study.arms], ids=lambda study: study.name)
def test_every_study_is_drawn(study):
    figure = draw(study, {label: timing(arm, 0.1, 0.2) for label, arm in study.arms_on("gpu").items()})
    figure.canvas.draw()
    assert figure.axes[0].get_title() == study.title


def test_arms_are_timed_in_turn_in_processes_of_their_own():
    """Real digits, real training, the operations of eight of the homework's iterations a timing."""
    arms = {
        "two seeds": BenchCase(framework="jax", seeds=2),
        "floor": FLOOR,
    }
    ready = []
    timings = measure(arms, 2, ready.append)
    assert ready == ["two seeds: ready", "floor: ready"]
    for label, found in timings.items():
        assert found.arm == arms[label]
        assert len(found.seconds) == 2
        assert np.all(np.array(found.seconds) > 0)
        assert found.peak_bytes > 10**8
    assert [timings[label].arm.iterations for label in arms] == [4, 8]
    assert timings["two seeds"].compile_seconds > timings["two seeds"].median


@pytest.mark.usefixtures("narrow_runs")
def test_variants_are_those_of_the_study(call, tmp_path, monkeypatch):
    some = {name: replace(CHANGES[name], hparams=replace(CHANGES[name].hparams, batch_size=64))
            for name in ("part_a", "averaging")}  # fmt: skip
    monkeypatch.setattr(command, "CHANGES", some)
    done = call("bench", "variants", "--repeats", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "bench").iterdir()) == [
        "variants.json", "variants.md", "variants.png",
    ]  # fmt: skip
    found = json.loads((tmp_path / "bench" / "variants.json").read_text())["changes"]
    assert list(found) == ["part_a", "averaging"]
    assert found["averaging"]["epoch_seconds"] == pytest.approx(60_000 // 64 * found["averaging"]["seconds"][0])
    assert (
        f"| averaging | {1e3 * found['averaging']['seconds'][0]:.1f} ("
        in (tmp_path / "bench" / "variants.md").read_text()
    )


def test_a_process_that_ends_is_told_with_its_last_words():
    with pytest.raises(UserError, match="unknown precision"):
        measure({"wrong": BenchCase(framework="jax", precision="float8")}, 1, print)  # pyright: ignore[reportArgumentType]


def test_worker_keeps_what_libraries_print_apart():
    """What it answers is JSON alone."""
    arm = BenchCase(framework="products", batch_size=16)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.bench.worker", json.dumps(arm.to_json())],
        input="\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["first_seconds"] > 0
    assert second["seconds"] > 0


@pytest.mark.usefixtures("narrow_runs")
def test_variants_are_timed_in_turn_in_one_process():
    """And each ratio is of one repeat."""
    told = []
    settings = {"part_a": Hyperparameters(batch_size=128), "small": Hyperparameters(batch_size=32)}
    costs = cost.measure(settings, load("mnist").train_images[:1000], 3, told.append)
    assert told == ["part_a: ready", "small: ready"]
    assert costs["part_a"].times == 1
    assert all(len(cost.seconds) == 3 and min(cost.seconds) > 0 for cost in costs.values())
    # Of an epoch: 31 iterations beside 7.
    ratios = np.array(costs["small"].seconds) / np.array(costs["part_a"].seconds)
    assert costs["small"].times == pytest.approx(31 / 7 * np.median(ratios))
    assert costs["small"].epoch_seconds == pytest.approx(31 * np.median(costs["small"].seconds))
    assert "| part_a |" in cost.as_markdown(costs)
    figure = cost.draw("title", costs)
    figure.canvas.draw()
    assert len(figure.axes[0].patches) == 2
