"""The whole homework in one command: all parts, saturation, the mathematics, the page, the PDF and the archive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from cyclopts import Parameter

from experiments.commands.mathematics import change_of_variables, ridge
from experiments.commands.measure import saturation
from experiments.harness.options import DEFAULT_OUT, Out, SeveralPartsOptions, Unused, configure, flag, whole
from experiments.harness.runtime import jax_session
from experiments.homework.parts import PARTS
from experiments.improvements.variants import with_epochs
from gan_jax.config import Config

MNIST_IMAGES = 60_000
QUICK_EPOCHS = 5
FROZEN, ITERATIONS = (1, 10, 25), 4000  # epochs of G, and iterations of D, in the saturation experiment
QUICK_FROZEN, QUICK_ITERATIONS = (1, 3), 300
# Time beside training, in epochs of part_a on all of MNIST, which the forecast counts: as /usr/bin/time measured on two
# cores with AVX-512, where an epoch took 22 s of both cores, and what is here ran mostly on one.
START, EVALUATION, MATHEMATICS, REPORT = 2, 0.3, 3, 7  # START: compilation, the first samples and the figures


@dataclass(frozen=True, kw_only=True)
class HomeworkOptions(SeveralPartsOptions):
    """Options of ./run.sh homework."""

    epochs: Unused = None
    out: Out = DEFAULT_OUT
    evaluate_every: Annotated[int, whole("Epochs between evaluations of samples.")] = 10
    samples_every: Annotated[int, whole("Epochs between grids of samples.")] = 5
    quick: Annotated[
        bool,
        flag(f"Train each part for {QUICK_EPOCHS} epochs only, in runs/quick: minutes, to see that all of it works."),
    ] = False
    author: Annotated[str | None, Parameter(help="Author's name on the title page of the PDF.")] = None


def homework(options: HomeworkOptions) -> int:
    """Make the whole homework; what is there already is kept."""
    out = options.out / "quick" if options.quick and options.out == DEFAULT_OUT else options.out
    options = replace(options, out=out, epochs=QUICK_EPOCHS if options.quick else None)
    configs = [config for part in PARTS.values() for config in _configs(part.config, options)]
    with jax_session(options):
        from experiments.commands.train import run_part
        from experiments.homework import own_words, report
        from experiments.homework.forecast import Forecast
        from experiments.homework.typesetting import require_author
        from gan_jax.runs.progress import epochs_work, progress_callbacks, say
        from gan_jax.runs.run_dir import RunDir

        require_author(options.author)
        own_words.read(out / own_words.FILE)  # a mistake is refused before hours of training
        steps = [*PARTS, "saturation", "the mathematics", "the report"]
        begin = (f"step {place} of {len(steps)}: {step}" for place, step in enumerate(steps, start=1))
        forecast = Forecast(
            {config.name: sum(epochs_work(config)) for config in configs}, _other(configs, options), say
        )
        for config in configs:
            if "params_sha256" in RunDir(out / config.name).read_manifest():
                forecast.finish(config.name)
        for part in PARTS.values():
            say(next(begin))
            run_part(part, options, forecast.watch(progress_callbacks()))
            for config in _configs(part.config, options):
                forecast.finish(config.name)
        say(next(begin))
        _saturation(options, say)
        say(next(begin))
        status = max(ridge(out=out), change_of_variables(out=out))
        say(next(begin))
        own_words.ensure_template(out / own_words.FILE)
        report.report([out], out / "report.html", pdf=True, author=options.author, archive=True)
        say(f"{out / own_words.FILE}: write your own words there, and the same command puts them into the PDF")
    return status


def _configs(config: Config, options: HomeworkOptions) -> list[Config]:
    return configure(config if options.epochs is None else with_epochs(config, options.epochs), options)


def _saturation_setting(options: HomeworkOptions) -> tuple[tuple[int, ...], int]:
    return (QUICK_FROZEN, QUICK_ITERATIONS) if options.quick else (FROZEN, ITERATIONS)


def _saturation(options: HomeworkOptions, say: Callable[[str], None]) -> None:
    """Run the saturation experiment, unless its results are there."""
    from experiments.homework.saturation import is_complete

    frozen, iterations = _saturation_setting(options)
    path = options.out / "saturation" / "saturation.json"
    [config, *_] = _configs(PARTS["part_a"].config, options)
    if is_complete(path, config, frozen, iterations):
        say(f"{path} is there already")
        return
    epochs = ",".join(map(str, frozen))
    saturation(
        out=options.out, dataset=options.dataset, archives=options.archives, iterations=iterations, epochs=epochs
    )


def _other(configs: Sequence[Config], options: HomeworkOptions) -> dict[str, int]:
    """Count the work beside the runs' epochs: operations of an epoch's iterations, or what takes as long as these."""
    from gan_jax.models.flops import flops

    hparams, (frozen, iterations) = configs[0].hparams, _saturation_setting(options)
    iteration = flops(hparams.batch_size, hparams.width_multiplier).iteration
    of_discriminators = (
        len(frozen) * iterations * (iteration(2) - iteration(1)) // max(1, MNIST_IMAGES // hparams.batch_size)
    )
    evaluations = {config.name: config.epochs // max(1, options.evaluate_every) + 1 for config in configs}
    epochs = {name: START + EVALUATION * count for name, count in evaluations.items()}
    epochs |= {"saturation": START * (1 + len(frozen)) + max(frozen), "mathematics": MATHEMATICS, "report": REPORT}
    other = {name: round(count * iteration(1)) for name, count in epochs.items()}
    return other | {"saturation": other["saturation"] + of_discriminators}
