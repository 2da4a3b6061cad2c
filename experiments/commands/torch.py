"""./run.sh torch_baseline: its options are checked before torch is imported."""

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from experiments.harness.options import CommonOptions, configure, flag
from experiments.harness.runtime import prepare
from experiments.homework.parts import PARTS
from gan_jax.errors import require
from gan_jax.types import Precision
from gan_jax.utils.text import unknown

DEFAULTS = CommonOptions()


def run_prefix(precision: Precision | None, compiled: bool) -> str:
    """Return the prefix of a run's name, which differs for each precision and compilation."""
    suffixes = {"bfloat16": "_autocast", "tensorfloat32": "_tensorfloat32"}
    return "torch" + "_compile" * compiled + suffixes.get(precision or "", "")


def torch_baseline(
    part: Annotated[str, Parameter(help="Part of the homework: part_a, part_b, or part_c1 to part_c6.")],
    /,
    options: CommonOptions = DEFAULTS,
    *,
    compiled: Annotated[bool, flag("Compile the networks with torch.compile.", name="--compile")] = False,
    autocast: Annotated[
        bool, flag("Same as --precision bfloat16, under the name of torch's own function for it.")
    ] = False,
) -> None:
    """Train a part as the homework's PyTorch notebook does, to compare with ./run.sh compare; keeps no checkpoints."""
    require(part in PARTS, unknown("part", part, PARTS))
    if autocast:
        require(options.precision != "float32", "--autocast means bfloat16: do not set --precision float32")
        options = replace(options, precision="bfloat16")
    base = replace(PARTS[part].config, name=f"{run_prefix(options.precision, compiled)}-{part}")
    configs = configure(base, options)
    prepare()
    from experiments import torch_baseline
    from experiments.commands.train import finished, report_done
    from experiments.harness.inputs import run_data_of, trainer_options_of
    from gan_jax.runs.progress import progress_callbacks

    trainer_options, data = trainer_options_of(options), run_data_of(options)
    already = finished(configs, options)
    report_done(
        torch_baseline.train(configs, data, options.out, trainer_options, progress_callbacks(), compiled=compiled),
        already,
    )
