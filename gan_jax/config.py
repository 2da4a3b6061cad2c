"""What a run is: frozen, hashable dataclasses, validated when they are made, written to JSON and read back."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Self, get_args

from gan_jax.data import DATASETS
from gan_jax.errors import UserError
from gan_jax.losses import LOSSES, Targets
from gan_jax.schedules import ONE_STEP, Schedule
from gan_jax.types import Precision

ARCHIVES_DATASET = "archives"  # the user's own; which they are, the run's manifest tells by their hash
MAX_SEED = 2**32 - 1
MAX_EPOCHS = 100_000
MAX_WIDTH = 64
MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1e-30, 1e30  # far beyond what trains, and within float32
MAX_DECAY = 0.999999  # what float32 still tells from 1
MAX_WEIGHT = 1e6  # of a penalty
MAX_DROPOUT_RATE = 0.999  # beyond it, the rate's rounding to 1/65536 would be more than 2 % of what is kept
MAX_GROUP = 64  # images
MAX_CHANNELS = 4  # 10 000 modes
_RUN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?", re.ASCII)
_KINDS: dict[Any, tuple[Any, str]] = {
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    float | None: ((int, float, type(None)), "a number"),
    str: (str, "text"),
    bool: (bool, "true or false"),
}


def require(condition: bool, message: str) -> None:
    """Raise UserError(message) unless the condition holds."""
    if not condition:
        raise UserError(message)


def _require_kinds(values: "Setting | Config") -> None:
    """Raise UserError unless numbers are numbers and text is text, as in a file from elsewhere they need not be."""
    for field in dataclasses.fields(values):
        value = getattr(values, field.name)
        if field.type in _KINDS:
            kinds, words = _KINDS[field.type]
            fits = isinstance(value, kinds) and isinstance(value, bool) == (field.type is bool)
            require(fits, f"{field.name} must be {words}, not {value!r}")


def require_run_name(name: str) -> None:
    """Raise UserError unless a run's folder may have this name: one part of a path, and not a hidden one."""
    require(
        _RUN_NAME.fullmatch(name) is not None,
        f"a run's name is up to 100 letters, digits, '.', '_' and '-', the first a letter or digit, the last no '.': "
        f"not {name[:120]!r}",
    )


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that the compiled training step is specialised to: a static argument. Defaults are the homework's.

    >>> import gan_jax
    >>> smoothed = gan_jax.Setting(real_target=0.9, learning_rate=1e-4)
    >>> smoothed.loss, smoothed.batch_size
    ('non_saturating', 512)
    """

    loss: str = "non_saturating"  # a name in `gan_jax.losses.LOSSES`
    real_target: float = 1.0
    fake_target: float = 0.0
    generator_target: float = 1.0
    batch_size: int = 512
    learning_rate: float = 2e-4
    adam_b1: float = 0.9
    adam_b2: float = 0.999
    dropout_rate: float = 0.3
    width: int = 1  # times the homework's sizes of all hidden layers
    precision: Precision = "float32"
    # Further options, each of them off.
    channels: int = 1  # digits an image: three are stacked MNIST, of 1000 modes (Metz et al. 2017)
    generator_learning_rate: float | None = None  # G's own; None: learning_rate, and so with Adam's decays
    generator_adam_b1: float | None = None
    generator_adam_b2: float | None = None
    cosine_epochs: int = 0  # both learning rates fall to 0 over so many epochs (Loshchilov and Hutter 2017); 0: never
    averaging: float = 0.0  # an average of G's parameters keeps this share at each iteration (Yazici et al. 2019)
    r1: float = 0.0  # weights of the penalties on D's slopes
    r2: float = 0.0
    gradient_penalty: float = 0.0
    dragan: float = 0.0
    spectral_normalisation: bool = False  # of D's layers (Miyato et al. 2018)
    packing: int = 1  # images that D sees at once, all real or all generated (PacGAN: Lin et al. 2018)
    minibatch_deviation: int = 0  # images a group whose deviation D is told (Karras et al. 2018, section 3); 0: none
    instance_noise: float = 0.0  # deviation of the noise on the real and generated images (Sonderby et al. 2017)

    def __post_init__(self) -> None:
        _require_kinds(self)
        require(self.loss in LOSSES, f"unknown loss {self.loss!r}: choose from {', '.join(LOSSES)}")
        choices = get_args(Precision)
        require(self.precision in choices, f"unknown precision {self.precision!r}: choose from {', '.join(choices)}")
        for name in ("real_target", "fake_target", "generator_target"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"{name} must be a probability from 0 to 1, not {value}")
        unread = not LOSSES[self.loss].reads_targets and self.targets != Targets()
        require(not unread, f"the {self.loss} loss knows no targets: leave them at 1, 0 and 1")
        for name in ("adam_b1", "adam_b2", "generator_adam_b1", "generator_adam_b2", "averaging"):
            value = getattr(self, name)
            require(value is None or 0 <= value <= MAX_DECAY, f"{name} must be from 0 to {MAX_DECAY}, not {value}")
        for name in ("r1", "r2", "gradient_penalty", "dragan", "instance_noise"):
            value = getattr(self, name)
            require(0 <= value <= MAX_WEIGHT, f"{name} must be from 0 to {MAX_WEIGHT:g}, not {value}")
        require(
            0 <= self.cosine_epochs <= MAX_EPOCHS,
            f"cosine_epochs must be from 0 to {MAX_EPOCHS}, not {self.cosine_epochs}",
        )
        for name, least in (("channels", 1), ("packing", 1), ("minibatch_deviation", 0)):
            value = getattr(self, name)
            most = MAX_CHANNELS if name == "channels" else MAX_GROUP
            require(least <= value <= most, f"{name} must be from {least} to {most}, not {value}")
        require(
            0 <= self.dropout_rate <= MAX_DROPOUT_RATE,
            f"dropout_rate must be from 0 to {MAX_DROPOUT_RATE}, not {self.dropout_rate}",
        )
        require(1 <= self.width <= MAX_WIDTH, f"the width must be from 1 to {MAX_WIDTH}, not {self.width}")
        require(self.batch_size >= 1, f"the batch size must be at least 1, not {self.batch_size}")
        for rate in (self.learning_rate, self.generator_learning_rate):
            require(
                rate is None or MIN_LEARNING_RATE <= rate <= MAX_LEARNING_RATE,
                f"the learning rate must be from {MIN_LEARNING_RATE} to {MAX_LEARNING_RATE:g}, not {rate}",
            )
        require(self.minibatch_deviation != 1, "minibatch_deviation must be 2 images or more, or 0 for none")
        require(
            self.batch_size % self.grouped == 0,
            f"a batch of {self.batch_size} is not made up of groups of {self.grouped} images: packing, "
            "minibatch_deviation",
        )

    def require_batch(self, images: int) -> None:
        """Raise UserError unless so many training images fill a batch."""
        require(
            self.batch_size <= images, f"the batch size {self.batch_size} is larger than the {images} training images"
        )

    @property
    def grouped(self) -> int:
        """Images of one kind of which D needs a whole number of groups."""
        return self.packing * max(self.minibatch_deviation, 1)

    @property
    def generator_adam(self) -> tuple[float, float, float]:
        """G's learning rate and Adam's two decays."""
        return (
            self.learning_rate if self.generator_learning_rate is None else self.generator_learning_rate,
            self.adam_b1 if self.generator_adam_b1 is None else self.generator_adam_b1,
            self.adam_b2 if self.generator_adam_b2 is None else self.generator_adam_b2,
        )

    @property
    def targets(self) -> Targets:
        return Targets(self.real_target, self.fake_target, self.generator_target)


def require_precision(setting: Setting, on_gpu: bool) -> None:
    """Raise UserError for a precision that only a GPU has, elsewhere."""
    message = "tensorfloat32 is what NVIDIA's GPUs multiply, and there is none: take float32 or bfloat16"
    require(on_gpu or setting.precision != "tensorfloat32", message)


_FIELDS = [field.name for field in dataclasses.fields(Setting)]
FURTHER_OPTIONS = frozenset(_FIELDS[_FIELDS.index("precision") + 1 :])  # those that the homework does not know


@dataclass(frozen=True, kw_only=True)
class Config:
    """A run, which is a function of this and of nothing else (on one machine with one set of versions).

    >>> import gan_jax
    >>> steps = gan_jax.Schedule.parse("1-10: 4, 11-: 1/2")
    >>> config = gan_jax.Config(name="mine", epochs=20, discriminator_steps=steps)
    >>> config.seed, config.setting.loss, config.discriminator_steps.steps(12)
    (0, 'non_saturating', 2)
    """

    name: str
    dataset: str = "mnist"
    seed: int = 0
    epochs: int = 100
    discriminator_steps: Schedule = ONE_STEP
    setting: Setting = Setting()

    def __post_init__(self) -> None:
        _require_kinds(self)
        require_run_name(self.name)
        require(
            self.dataset in (*DATASETS, ARCHIVES_DATASET),
            f"unknown data set {self.dataset!r}: choose from {', '.join(DATASETS)}",
        )
        require(0 <= self.seed <= MAX_SEED, f"the seed must be from 0 to {MAX_SEED}, not {self.seed}")
        require(1 <= self.epochs <= MAX_EPOCHS, f"epochs must be from 1 to {MAX_EPOCHS}, not {self.epochs}")
        falling = self.setting.cosine_epochs
        require(
            not 0 < falling < self.epochs,
            f"learning rates are 0 after cosine_epochs, {falling}: the run may not have more epochs, not {self.epochs}",
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of numbers and text, flat but for `setting`."""
        return dataclasses.asdict(self) | {"discriminator_steps": str(self.discriminator_steps)}

    def flat(self) -> dict[str, Any]:
        """The same with the setting's fields among the run's own."""
        values = self.to_json()
        setting = values.pop("setting")
        return values | setting

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The configuration that `to_json` wrote. Raises UserError for values that are none."""
        try:
            values = dict(values)
            schedule = Schedule.parse(values.pop("discriminator_steps"))
            setting = Setting(**values.pop("setting"))
            return cls(discriminator_steps=schedule, setting=setting, **values)
        except UserError:
            raise
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise UserError(f"not a run's configuration: {error}") from error
