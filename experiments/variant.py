"""What ./run.sh train changes in part_a."""

from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import Parameter

from experiments.options import whole
from gan_jax.config import Config, Setting
from gan_jax.losses import LOSSES
from gan_jax.schedules import Schedule


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Variant:
    """Options with the names of `Setting`'s fields, and the schedule of D's steps."""

    loss: Annotated[str, Parameter(help=f"What both minimise: {', '.join(LOSSES)}.")] = Setting.loss
    discriminator_steps: Annotated[
        str,
        Parameter(
            help="Per iteration: '4', or by epochs '1: 16, 2-: 8', or in turn from epoch to epoch '1-50: 1, 51-: 1/2'."
        ),
    ] = "1"
    real_target: Annotated[float, Parameter(help="D's target for real images.")] = Setting.real_target
    fake_target: Annotated[float, Parameter(help="D's target for generated images.")] = Setting.fake_target
    generator_target: Annotated[float, Parameter(help="G's target for generated images.")] = Setting.generator_target
    dropout_rate: Annotated[float, Parameter(help="In D, after each hidden layer.")] = Setting.dropout_rate
    width: Annotated[int, whole("Times the homework's sizes of all hidden layers.")] = Setting.width
    adam_b1: Annotated[float, Parameter(help="Decay of Adam's mean.")] = Setting.adam_b1
    adam_b2: Annotated[float, Parameter(help="Decay of Adam's mean square.")] = Setting.adam_b2
    generator_learning_rate: Annotated[float | None, Parameter(help="Of G alone. By default as D's.")] = (
        Setting.generator_learning_rate
    )
    generator_adam_b1: Annotated[float | None, Parameter(help="Of G alone. By default as D's.")] = (
        Setting.generator_adam_b1
    )
    generator_adam_b2: Annotated[float | None, Parameter(help="Of G alone. By default as D's.")] = (
        Setting.generator_adam_b2
    )
    channels: Annotated[int, whole("Digits an image: 3 are stacked MNIST, measured by its 1000 modes.")] = (
        Setting.channels
    )
    cosine_epochs: Annotated[int, whole("Over which the learning rates fall to 0 in half a cosine; 0: never.")] = (
        Setting.cosine_epochs
    )
    averaging: Annotated[
        float,
        Parameter(
            help="Of G's parameters: what their average, which is then sampled, keeps at each iteration; 0: none."
        ),
    ] = Setting.averaging
    r1: Annotated[float, Parameter(help="Weight of the penalty on D's squared slope in real images.")] = Setting.r1
    r2: Annotated[float, Parameter(help="The same in generated images.")] = Setting.r2
    gradient_penalty: Annotated[
        float,
        Parameter(
            help="Weight of the penalty that draws D's slope to 1 between real and generated images; for wasserstein."
        ),
    ] = Setting.gradient_penalty
    dragan: Annotated[float, Parameter(help="The same around real images.")] = Setting.dragan
    spectral_normalisation: Annotated[
        bool, Parameter(help="Of D's layers, each divided by its largest singular value.", negative="")
    ] = Setting.spectral_normalisation
    packing: Annotated[int, whole("Images that D sees at once, all real or all generated.")] = Setting.packing
    minibatch_deviation: Annotated[
        int, whole("Images a group whose deviation D is told, and dropout's, if there is any; 0: it is not.")
    ] = Setting.minibatch_deviation
    instance_noise: Annotated[
        float, Parameter(help="Deviation of the noise on the real and generated images that D is shown.")
    ] = Setting.instance_noise

    def config(self, name: str, batch_size: int | None, epochs: int | None) -> Config:
        """A run of that name. Raises UserError for values that are none, or groups that do not make up a batch."""
        values = asdict(self)
        schedule = Schedule.parse(values.pop("discriminator_steps"))
        if batch_size is not None:
            values["batch_size"] = batch_size
        epochs = Config.epochs if epochs is None else epochs
        return Config(name=name, epochs=epochs, discriminator_steps=schedule, setting=Setting(**values))
