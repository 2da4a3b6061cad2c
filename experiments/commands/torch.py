"""The torch baseline as a command: what it takes and refuses, without torch, which is imported when it trains."""

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from experiments.harness.options import HOSTS, RunOptions, configure, refuse
from experiments.harness.runtime import prepare
from experiments.homework.parts import PARTS
from gan_jax.errors import require
from gan_jax.types import Precision


def torch_arm(precision: Precision | None, compiled: bool) -> str:
    """Make the beginning of the run's name: each way of computing has one of its own."""
    numbers_of = {"bfloat16": "_autocast", "tensorfloat32": "_tensorfloat32"}
    return "torch" + "_compile" * compiled + numbers_of.get(precision or "", "")


def torch_baseline(
    part: Annotated[str, Parameter(help="Part of the homework: part_a, part_b, part_c1 to part_c6.")],
    /,
    options: RunOptions | None = None,
    *,
    compiled: Annotated[bool, Parameter(name="--compile", help="Networks through torch.compile.", negative="")] = False,
    autocast: Annotated[
        bool, Parameter(help="bfloat16 by torch's autocast: the same as --precision bfloat16.", negative="")
    ] = False,
) -> None:
    """A part as the homework's PyTorch notebook trains it, for ./run.sh compare; it keeps no checkpoints."""
    require(part in PARTS, f"unknown part {part!r}: choose from {', '.join(PARTS)}")
    options = options or RunOptions()
    require(not options.detect_nans, "--detect-nans finds operations of JAX: torch_baseline has none")
    require(options.devices in (None, 1), "the torch baseline trains on one device: leave out --devices")
    refuse(options, "torch_baseline", *HOSTS, "platform")
    if autocast:
        require(options.precision != "float32", "--autocast is bfloat16: leave out --precision float32")
        options = replace(options, precision="bfloat16")
    base = replace(PARTS[part].config, name=f"{torch_arm(options.precision, compiled)}-{part}")
    configs = configure(base, options)
    prepare()
    from experiments import torch_baseline
    from experiments.commands.train import tell
    from experiments.harness.inputs import habits_of, source_of
    from experiments.harness.progress import progress_callbacks

    trainer_options, source = habits_of(options), source_of(options)
    tell(torch_baseline.train(configs, source, options.out, trainer_options, progress_callbacks(), compiled=compiled))
