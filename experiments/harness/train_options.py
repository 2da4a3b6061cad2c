"""Options of `./run.sh train`: D's steps, and an option for each field of `Hyperparameters`, made from the field."""

from dataclasses import asdict, field, fields, make_dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from experiments.harness.options import RunOptions, flag, whole
from gan_jax.config import Config, Hyperparameters, Spec, specs
from gan_jax.schedules import Schedule

_STEPS = Parameter(
    help="D steps per iteration (per G step): '4'; '1: 16, 2-: 8' by epoch; '1-50: 1, 51-: 1/2' alternates 1 and 2 "
    "from epoch 51."
)


def _parameter(kind: Any, spec: Spec) -> Parameter:
    """Make an option from a field's type and `Spec`."""
    choices = f": {', '.join(spec.choices)}" if isinstance(spec.choices, dict) else ""
    text = f"{spec.help}{choices}."
    if kind is int:
        return whole(text)
    return flag(text) if kind is bool else Parameter(help=text)


def _options() -> list[tuple[str, Any, Any]]:
    """List name, type and default of each option that `RunOptions` does not have."""
    run_options = {each.name for each in fields(RunOptions)}
    defaults = {each.name: field(default=each.default) for each in fields(Hyperparameters)}
    options = [
        (name, Annotated[kind, _parameter(kind, spec)], defaults[name])
        for name, (kind, spec) in specs(Hyperparameters).items()
        if name not in run_options
    ]
    return [("discriminator_steps", Annotated[str, _STEPS], field(default="1")), *options]


TrainOptions: Any = Parameter(name="*")(
    # Before Python 3.12 the class counts as one of the standard library, whose fields cyclopts does not read.
    make_dataclass("TrainOptions", _options(), frozen=True, kw_only=True, namespace={"__module__": __name__})
)


def config_of(train_options: Any, options: RunOptions) -> Config:
    """Make the configuration of a run named "train".

    Raises:
        UserError: for values out of range, or a batch size that is not a multiple of the group size.
    """
    values = asdict(train_options)
    schedule = Schedule.parse(values.pop("discriminator_steps"))
    if options.batch_size is not None:
        values["batch_size"] = options.batch_size
    epochs = Config.epochs if options.epochs is None else options.epochs
    return Config(name="train", epochs=epochs, discriminator_steps=schedule, hparams=Hyperparameters(**values))
