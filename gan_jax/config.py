"""Configuration of a run: frozen, hashable dataclasses, validated when constructed, written to JSON and read back."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Annotated, Any, Self, get_args

from gan_jax.data import DATASETS
from gan_jax.errors import UserError, require
from gan_jax.losses.adversarial import LOSSES, Targets
from gan_jax.losses.gradient_penalty import PENALTIES
from gan_jax.schedules import ONE_STEP, Schedule
from gan_jax.types import Precision
from gan_jax.utils.fields import Spec as Spec  # for the command line
from gan_jax.utils.fields import specs, validate, with_known_names
from gan_jax.utils.text import unknown

ARCHIVES_DATASET = "archives"  # the user's own; the run's manifest identifies them by their digest
MAX_SEED = 2**32 - 1
MAX_EPOCHS = 100_000
MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1e-30, 1e30  # far beyond what trains, and within float32
MAX_DECAY = 0.999999  # which float32 still distinguishes from 1
MAX_WEIGHT = 1e6  # of a penalty
MAX_DROPOUT_RATE = 0.999  # beyond it, rounding the rate to 1/65536 changes the kept share by more than 2 %
MAX_GROUP = 64  # images
MAX_DIGITS = 4  # 10 000 modes
_RUN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?", re.ASCII)


def require_run_name(name: str) -> None:
    """Raise UserError unless the name can be that of a run's directory: a single path component, not hidden."""
    require(
        _RUN_NAME.fullmatch(name) is not None,
        "a run's name has up to 100 letters, digits, '.', '_' and '-', must start with a letter or digit, and must not "
        f"end in '.': not {name[:120]!r}",
    )


_RATE = (MIN_LEARNING_RATE, MAX_LEARNING_RATE)


@with_known_names()
@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Hyperparameters, a static argument of the compiled training step. The defaults are the homework's.

    >>> import gan_jax
    >>> smoothed = gan_jax.Hyperparameters(real_target=0.9, learning_rate=1e-4)
    >>> smoothed.loss, smoothed.batch_size
    ('non_saturating', 512)
    """

    loss: Annotated[str, Spec("Adversarial loss; relativistic is relativistic pairing (RpGAN)", choices=LOSSES)] = (
        "non_saturating"
    )
    real_target: Annotated[float, Spec("D's target for real images", 0, 1)] = 1.0
    fake_target: Annotated[float, Spec("D's target for generated images", 0, 1)] = 0.0
    generator_target: Annotated[float, Spec("G's target for generated images", 0, 1)] = 1.0
    batch_size: Annotated[int, Spec("Real images per training step (per D step)", 1, 10**9)] = 512
    learning_rate: Annotated[float, Spec("Learning rate of both Adam optimizers", *_RATE)] = 2e-4
    adam_b1: Annotated[float, Spec("Adam's beta1 (decay rate of the first moment)", 0, MAX_DECAY)] = 0.9
    adam_b2: Annotated[float, Spec("Adam's beta2 (decay rate of the second moment)", 0, MAX_DECAY)] = 0.999
    dropout_rate: Annotated[float, Spec("Dropout rate after each hidden layer of D", 0, MAX_DROPOUT_RATE)] = 0.3
    width_multiplier: Annotated[int, Spec("Multiplier of all hidden-layer widths", 1, 64)] = 1
    precision: Annotated[
        Precision, Spec("Precision of the operands of matrix products", choices=get_args(Precision))
    ] = "float32"
    # Extensions of the homework, all off by default.
    stacked_digits: Annotated[
        int, Spec("Digits stacked as channels of one image; 3 is Stacked MNIST (1000 modes)", 1, MAX_DIGITS)
    ] = 1
    generator_learning_rate: Annotated[float | None, Spec("G's learning rate; default: the same as D's", *_RATE)] = None
    generator_adam_b1: Annotated[float | None, Spec("G's beta1; default: the same as D's", 0, MAX_DECAY)] = None
    generator_adam_b2: Annotated[float | None, Spec("G's beta2; default: the same as D's", 0, MAX_DECAY)] = None
    cosine_decay_epochs: Annotated[
        int,
        Spec("Epochs of cosine decay of both learning rates (Loshchilov and Hutter 2017); 0: constant", 0, MAX_EPOCHS),
    ] = 0
    ema_decay: Annotated[
        float,
        Spec("Decay of the exponential moving average of G's weights, used for sampling (Yazici et al. 2019); 0: none",
             0, MAX_DECAY),
    ] = 0.0  # fmt: skip
    r1: Annotated[float, Spec("Weight of the R1 penalty E|grad D|^2/2 on real images", 0, MAX_WEIGHT)] = 0.0
    r2: Annotated[float, Spec("Weight of the R2 penalty E|grad D|^2/2 on generated images", 0, MAX_WEIGHT)] = 0.0
    gradient_penalty: Annotated[float, Spec("Weight of the WGAN-GP gradient penalty", 0, MAX_WEIGHT)] = 0.0
    dragan: Annotated[float, Spec("Weight of the DRAGAN gradient penalty", 0, MAX_WEIGHT)] = 0.0
    spectral_norm: Annotated[bool, Spec("Spectral normalization of D's layers (Miyato et al. 2018)")] = False
    pack_size: Annotated[
        int, Spec("Samples packed into one D input (PacGAN), all real or all generated", 1, MAX_GROUP)
    ] = 1
    minibatch_stddev: Annotated[
        int,
        Spec("Group size of the minibatch-stddev layer in D (Karras et al. 2018); 0: none. "
             "Its statistics are computed after dropout", 0, MAX_GROUP),
    ] = 0  # fmt: skip
    instance_noise_std: Annotated[
        float,
        Spec("Standard deviation of the noise on the images that D sees (Sønderby et al. 2017)", 0, MAX_WEIGHT),
    ] = 0.0

    plugin_penalties: Annotated[
        str, Spec("Weights of penalties that a plugin adds to the table of penalties, such as 'mine: 0.1, other: 2'")
    ] = ""

    def __post_init__(self) -> None:
        validate(self)
        _ = self.penalties  # raises UserError unless it can be read
        unread = not LOSSES[self.loss].uses_targets and self.targets != Targets()
        options = "real_target, fake_target or generator_target"
        require(not unread, f"the {self.loss} loss uses no target labels: do not set {options}")
        require(self.minibatch_stddev != 1, "minibatch_stddev must be 2 images or more, or 0 for none")
        size = self.group_size
        message = f"batch_size {self.batch_size} must be a multiple of {size} (pack_size x minibatch_stddev)"
        require(self.batch_size % size == 0, message)

    def require_batch(self, images: int) -> None:
        """Raise UserError unless so many training images fill a batch."""
        message = f"the batch size {self.batch_size} is larger than the {images} training images"
        require(self.batch_size <= images, message)

    @property
    def group_size(self) -> int:
        """Number of samples, all real or all generated, that the batch size must be a multiple of."""
        return self.pack_size * max(self.minibatch_stddev, 1)

    @property
    def penalties(self) -> dict[str, float]:
        """Weights of the gradient penalties that are on, by name, in the order of PENALTIES."""
        added = _parse_weights(self.plugin_penalties)
        built_in = {name: getattr(self, name) for name in PENALTIES if name in specs(type(self))}
        for name in added:
            require(name not in built_in, f"{name} is no penalty of a plugin: set its weight by {name}")
            known = [each for each in PENALTIES if each not in built_in]
            none = f"unknown penalty {name!r}: plugins have added none"
            require(name in PENALTIES, unknown("penalty of a plugin", name, known) if known else none)
        weights = built_in | added
        return {name: weights[name] for name in PENALTIES if weights.get(name)}

    @property
    def generator_adam(self) -> tuple[float, float, float]:
        """Return G's learning rate and Adam's two decays."""
        return (
            self.learning_rate if self.generator_learning_rate is None else self.generator_learning_rate,
            self.adam_b1 if self.generator_adam_b1 is None else self.generator_adam_b1,
            self.adam_b2 if self.generator_adam_b2 is None else self.generator_adam_b2,
        )

    @property
    def targets(self) -> Targets:
        return Targets(self.real_target, self.fake_target, self.generator_target)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Construct the hyperparameters from the output of `dataclasses.asdict`, under current or former names.

        Raises:
            UserError: for unknown names, and values out of range.
            TypeError: for a field under two names.
        """
        named = {FORMER_NAMES.get(name, name): value for name, value in values.items()}
        if len(named) < len(values):
            raise TypeError("a field is given under its current and its former name")
        return cls(**named)


def _parse_weights(text: str) -> dict[str, float]:
    """Parse weights by name: 'mine: 0.1, other: 2'. Raises UserError unless each is from 0 to MAX_WEIGHT."""
    weights: dict[str, float] = {}
    for part in text.split(",") if text else []:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*:\s*([0-9.eE+-]+)\s*", part, re.ASCII)
        try:
            weight = float(match[2]) if match else -1.0
        except ValueError:
            weight = -1.0
        fits = match is not None and 0 <= weight <= MAX_WEIGHT and match[1] not in weights
        message = f"plugin_penalties must be like 'mine: 0.1, other: 2', with weights from 0 to {MAX_WEIGHT:g}"
        if match is None or not fits:
            raise UserError(f"{message}, not {text!r}")
        weights[match[1]] = weight
    return weights


# Names of fields in run directories of earlier versions.
FORMER_NAMES = {
    "averaging": "ema_decay",
    "channels": "stacked_digits",
    "cosine_epochs": "cosine_decay_epochs",
    "instance_noise": "instance_noise_std",
    "minibatch_deviation": "minibatch_stddev",
    "packing": "pack_size",
    "spectral_normalisation": "spectral_norm",
    "width": "width_multiplier",
}


def require_precision(hparams: Hyperparameters, on_gpu: bool) -> None:
    """Raise UserError if the precision needs a GPU and there is none."""
    message = "tensorfloat32 needs an NVIDIA GPU: use float32 or bfloat16"
    require(on_gpu or hparams.precision != "tensorfloat32", message)


_FIELDS = [field.name for field in dataclasses.fields(Hyperparameters)]
EXTENSION_FIELDS = frozenset(_FIELDS[_FIELDS.index("precision") + 1 :])  # those that the homework does not have


def _hyperparameter(name: str) -> str:
    """Say where a hyperparameter belongs that is given to `Config`; nothing about other names."""
    return f"{name} is a hyperparameter: Config(..., hparams=Hyperparameters({name}=...))" if name in _FIELDS else ""


@with_known_names(_hyperparameter)
@dataclass(frozen=True, kw_only=True)
class Config:
    """Configuration of a run, which depends on nothing else (on one machine with one set of versions).

    >>> import gan_jax
    >>> steps = gan_jax.Schedule.parse("1-10: 4, 11-: 1/2")
    >>> config = gan_jax.Config(name="mine", epochs=20, discriminator_steps=steps)
    >>> config.seed, config.hparams.loss, config.discriminator_steps.steps(12)
    (0, 'non_saturating', 2)
    """

    name: Annotated[str, Spec("The run's directory")]
    dataset: Annotated[str, Spec("Data set", choices=(*DATASETS, ARCHIVES_DATASET))] = "mnist"
    seed: Annotated[int, Spec("Seed of all random streams; equal seeds give bitwise equal runs", 0, MAX_SEED)] = 0
    epochs: Annotated[int, Spec("Passes over the training images", 1, MAX_EPOCHS)] = 100
    discriminator_steps: Schedule = ONE_STEP
    hparams: Hyperparameters = Hyperparameters()

    def __post_init__(self) -> None:
        validate(self)
        require_run_name(self.name)
        decay = self.hparams.cosine_decay_epochs
        message = f"learning rates are 0 after cosine_decay_epochs, {decay}: epochs may not be {self.epochs}"
        require(not 0 < decay < self.epochs, message)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of numbers and text, flat but for the hyperparameters under "setting"."""
        values = dataclasses.asdict(self) | {"discriminator_steps": str(self.discriminator_steps)}
        return values | {"setting": values.pop("hparams")}

    def flat(self) -> dict[str, Any]:
        """Return the same dictionary with the hyperparameters at its top level."""
        values = self.to_json()
        hparams = values.pop("setting")
        return values | hparams

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Construct the configuration from the output of `to_json`. Raises UserError if that is invalid."""
        try:
            values = dict(values)
            schedule = Schedule.parse(values.pop("discriminator_steps"))
            hparams = Hyperparameters.from_json(values.pop("setting"))
            return cls(discriminator_steps=schedule, hparams=hparams, **values)
        except UserError:
            raise
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise UserError(f"not a run's configuration: {error}") from error
