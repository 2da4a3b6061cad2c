"""Operations are counted as XLA counts them, and timings are reported under their right names."""

import csv
import dataclasses
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
def test_operations_agree_with_xlas_count(steps, width):
    """XLA's count of the compiled step includes the element-wise operations: at batch 512, below 5 % of all.

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


def test_eight_parts_cost_1056_epochs_of_part_a():
    """The unit in which the cost of the whole homework is quoted: 100 epochs of each part, by operations."""
    from experiments.homework.parts import PARTS

    total = sum(flops(512).iteration(part.config.discriminator_steps.steps(epoch))
                for part in PARTS.values() for epoch in range(1, 101))  # fmt: skip
    assert round(total / flops(512).iteration(1)) == 1056


def timing(case: BenchCase, *seconds: float) -> Timing:
    return Timing(case, list(seconds), 1.5, 10**9, None, "cpu", 2, {"jax": "0"})


JAX, TORCH, MATMUL = BenchCase(framework="jax"), BenchCase(framework="torch"), BenchCase(framework="matmul")


def test_ratios_are_taken_within_a_repeat():
    """A load that slows one repeat threefold slows all cases in it, and must not show in the ratios."""
    timings = {
        "torch eager float32": timing(TORCH, 0.3, 0.9, 0.3),
        "JAX float32": timing(JAX, 0.1, 0.3, 0.1),
        "matmul roofline float32": timing(MATMUL, 0.08, 0.24, 0.08),
    }
    found = {row["case"]: row for row in rows(STUDIES["frameworks"], timings)}
    assert found["JAX float32"]["times_torch_eager"] == pytest.approx(3)
    assert found["JAX float32"]["share_of_roofline"] == pytest.approx(0.8)
    assert found["JAX float32"]["images_per_second"] == pytest.approx(5120)
    assert (found["JAX float32"]["least"], found["JAX float32"]["most"]) == pytest.approx((100, 300))
    assert math.isnan(found["matmul roofline float32"]["images_per_second"])
    assert "| JAX float32 | 100.0 (100.0 to 300.0) | 5120 | 0.80 | 3.00 | 1.5 | 1000 |" in as_markdown(
        list(found.values())
    )
    written = list(csv.DictReader(io.StringIO(as_csv(list(found.values())))))
    assert [row["case"] for row in written] == list(timings)
    assert written[2]["images_per_second"] == ""


def test_gpu_cases_are_compared_within_their_precision():
    """Several seeds are compared per image: sixteen in four times the time are four times as fast."""
    study = STUDIES["frameworks"]
    assert study.cases_on("cpu") == study.cases
    cases = study.cases_on("gpu")
    timings = {label: timing(case, 0.4) for label, case in cases.items()}
    timings["torch eager tensorfloat32"] = timing(cases["torch eager tensorfloat32"], 0.1)
    found = {row["case"]: row for row in rows(study, timings)}
    assert found["JAX tensorfloat32"]["times_torch_eager"] == pytest.approx(1 / 4)
    assert found["JAX tensorfloat32 of 16 seeds"]["times_torch_eager"] == pytest.approx(4)
    assert found["JAX tensorfloat32 of 16 seeds"]["share_of_roofline"] == pytest.approx(16)
    assert found["JAX bfloat16"]["times_torch_eager"] == pytest.approx(1)


def test_the_fitted_slope_is_compared_with_the_operations():
    """Times proportional to the operations give the ratio 1; a step of D twice as expensive gives more."""
    cases = [BenchCase(framework="jax", discriminator_steps=k) for k in (1, 2, 4)]
    slope, intercept, ratio = line_of([timing(case, case.flops * 1e-11) for case in cases])
    assert ratio == pytest.approx(1)
    assert slope == pytest.approx(flops(512).discriminator_step * 1e-11)
    assert intercept == pytest.approx(flops(512).generator_step * 1e-11)
    dearer = [
        timing(case, (case.flops + case.discriminator_steps * flops(512).discriminator_step) * 1e-11) for case in cases
    ]
    assert line_of(dearer)[2] > 1.2


@pytest.mark.parametrize("study", [study for study in STUDIES.values() if study.cases], ids=lambda study: study.name)
def test_every_study_is_drawn(study):
    figure = draw(study, {label: timing(case, 0.1, 0.2) for label, case in study.cases_on("gpu").items()})
    figure.canvas.draw()
    assert figure.axes[0].get_title() == study.title


def test_cases_are_timed_in_turn_in_separate_processes():
    """Train on real digits; a timing has the operations of eight of the homework's iterations."""
    cases = {
        "two seeds": BenchCase(framework="jax", seeds=2),
        "roofline": MATMUL,
    }
    ready = []
    timings = measure(cases, 2, ready.append)
    assert ready == ["two seeds: ready", "roofline: ready"]
    for label, found in timings.items():
        assert found.case == cases[label]
        assert len(found.seconds) == 2
        assert np.all(np.array(found.seconds) > 0)
        assert found.peak_bytes > 10**8
    assert [timings[label].case.iterations for label in cases] == [4, 8]
    assert timings["two seeds"].compile_seconds > timings["two seeds"].median


@pytest.mark.usefixtures("narrow_runs")
def test_cost_measures_the_variants_of_the_study(call, tmp_path, monkeypatch):
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


def test_a_failed_worker_is_reported_with_its_last_output():
    with pytest.raises(UserError, match="unknown precision"):
        measure({"wrong": BenchCase(framework="jax", precision="float8")}, 1, print)  # pyright: ignore[reportArgumentType]


def test_a_workers_answer_excludes_what_libraries_print():
    """The answer on stdout is JSON and nothing else."""
    case = BenchCase(framework="matmul", batch_size=16)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.bench.worker", json.dumps(dataclasses.asdict(case))],
        input="\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["first_seconds"] > 0
    assert second["seconds"] > 0


@pytest.mark.usefixtures("narrow_runs")
def test_variants_are_timed_in_turn_in_one_process():
    """Each ratio is taken within a repeat."""
    log = []
    hparams = {"part_a": Hyperparameters(batch_size=128), "small": Hyperparameters(batch_size=32)}
    costs = cost.measure(hparams, load("mnist").train_images[:1000], 3, log.append)
    assert log == ["part_a: ready", "small: ready"]
    assert costs["part_a"].times == 1
    assert all(len(cost.seconds) == 3 and min(cost.seconds) > 0 for cost in costs.values())
    # Per epoch: 31 iterations against 7.
    ratios = np.array(costs["small"].seconds) / np.array(costs["part_a"].seconds)
    assert costs["small"].times == pytest.approx(31 / 7 * np.median(ratios))
    assert costs["small"].epoch_seconds == pytest.approx(31 * np.median(costs["small"].seconds))
    assert "| part_a |" in cost.as_markdown(costs)
    figure = cost.draw("title", costs)
    figure.canvas.draw()
    assert len(figure.axes[0].patches) == 2
