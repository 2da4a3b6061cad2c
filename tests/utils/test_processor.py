"""Processor facts, and the warning where one cannot multiply bfloat16."""

from dataclasses import replace

import pytest

from gan_jax.config import Config, Hyperparameters
from gan_jax.data.datasets import load_archives
from gan_jax.errors import UserError
from gan_jax.runs import ownership
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.run_data import RunData
from gan_jax.utils import processor

ZEN_3 = "model name\t: AMD EPYC 7713 64-Core Processor\nflags\t\t: fpu sse2 avx2 fma\n"
ZEN_4 = "model name\t: AMD EPYC 9354 32-Core Processor\nflags\t\t: fpu avx512f avx512_bf16\n"
SAPPHIRE_RAPIDS = "model name\t: Intel(R) Xeon(R) Platinum 8480+\nflags\t\t: fpu amx_bf16 avx512f\n"
GRAVITON_2 = "processor\t: 0\nFeatures\t: fp asimd fphp asimdhp\n"
GRAVITON_3 = "processor\t: 0\nFeatures\t: fp asimd bf16 svebf16\n"


@pytest.mark.parametrize(
    ("cpuinfo", "lacks"),
    [(ZEN_3, True), (ZEN_4, False), (SAPPHIRE_RAPIDS, False), (GRAVITON_2, True), (GRAVITON_3, False), ("", False)],
)
def test_a_processor_without_bfloat16_products_is_detected(tmp_path, monkeypatch, cpuinfo, lacks):
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert processor.lacks_bfloat16() == lacks


def test_without_cpuinfo_nothing_is_reported_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert not processor.lacks_bfloat16()
    assert processor.processor()


def test_the_processors_name_is_its_model(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(ZEN_4)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert processor.processor() == "AMD EPYC 9354 32-Core Processor"


@pytest.mark.parametrize(
    ("precision", "lacks", "warned"), [("bfloat16", True, True), ("bfloat16", False, False), ("float32", True, False)]
)
def test_a_warning_of_bfloat16_without_hardware_support(
    tmp_path, monkeypatch, small_archives, precision, lacks, warned
):
    """The warning comes before training starts."""
    monkeypatch.setattr(ownership, "lacks_bfloat16", lambda: lacks)
    log: list[str] = []
    config = Config(name="x", dataset="archives", epochs=1, hparams=replace(Hyperparameters(), precision=precision))
    source = RunData(lambda: load_archives(small_archives), lambda _: pytest.fail("nothing is measured"))
    callbacks = Callbacks(log.append, lambda *_: None, lambda _: None)
    with (
        pytest.raises(UserError, match="enough"),
        ownership.lock_pending_runs(
            [config], source, tmp_path, TrainerOptions(), callbacks, trainer="jax", resumes=True
        ),
    ):
        raise UserError("seen enough")
    assert log == ["warning: this processor has no instructions for bfloat16: float32 is faster here"] * warned
