"""Commands that measure: the saturation of G's gradient, and the benchmarks."""

from typing import Annotated

from cyclopts import Parameter

from experiments.bench.studies import STUDIES
from experiments.harness.options import DEFAULT_OUT, Archives, Dataset, Out, RunOptions, configure, numbers, whole
from experiments.harness.runtime import prepare
from experiments.homework.parts import PARTS
from gan_jax.errors import UserError, require
from gan_jax.utils.text import unknown


def saturation(
    *,
    out: Out = DEFAULT_OUT,
    dataset: Dataset = None,
    archives: Archives = None,
    iterations: Annotated[int, whole("Updates of each D, which is trained from scratch.")] = 4000,
    epochs: Annotated[str, Parameter(help="Epochs after which G is frozen, separated by commas.")] = "1,10,25",
) -> None:
    """Measure how G's gradient vanishes or grows under both losses as D improves (Arjovsky and Bottou 2017)."""
    require(1 <= iterations <= 1_000_000, f"iterations must be from 1 to 1000000, not {iterations}")
    frozen = numbers(epochs)
    require(min(frozen) >= 1 and max(frozen) <= 1000, f"epochs must be from 1 to 1000, not {epochs}")
    options = RunOptions(dataset=dataset, archives=archives)
    [config] = configure(PARTS["part_a"].config, options)
    prepare()
    from experiments.harness.inputs import run_data_of
    from experiments.homework import saturation
    from gan_jax.runs.progress import say

    images, folder = run_data_of(options).dataset, out / "saturation"
    try:
        saturation.saturation(images, config.dataset, folder, frozen, iterations, config.hparams, say)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    say(f"{folder / 'saturation.png'}: the gradient norms; the numbers are in saturation.json beside it")


def bench(
    studies: Annotated[
        list[str] | None, Parameter(name="STUDY ...", help=f"{', '.join(STUDIES)}. Default: all.", negative="")
    ] = None,
    /,
    *,
    out: Out = DEFAULT_OUT,
    repeats: Annotated[int, whole("Repeats of each timing.")] = 5,
) -> None:
    """Time training: against PyTorch, and by D steps, batch size, width, seeds and variants of part_a."""
    chosen = studies or list(STUDIES)
    for name in chosen:
        require(name in STUDIES, unknown("study", name, STUDIES))
    require(1 <= repeats <= 1000, f"repeats must be from 1 to 1000, not {repeats}")
    from experiments.bench import command

    command.bench([STUDIES[name] for name in chosen], out / "bench", repeats)
