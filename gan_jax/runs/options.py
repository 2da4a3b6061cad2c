"""Options of the trainer: how often a run is saved, sampled and evaluated."""

from dataclasses import dataclass

from gan_jax.errors import require
from gan_jax.runs.tensorboard import require_writer


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """Options for what is recorded of a run; none of them changes what is trained.

    >>> import gan_jax
    >>> gan_jax.TrainerOptions(evaluate_every=10).samples_every  # evaluated every ten epochs, sampled after each
    1
    """

    checkpoint_every: int = 10
    samples_every: int = 1
    evaluate_every: int = 0  # 0: after the last epoch only
    overwrite: bool = False
    tensorboard: bool = False
    detect_nans: bool = False  # keep a copy of each epoch's initial state, to locate the operation if it diverges

    def __post_init__(self) -> None:
        if self.tensorboard:
            require_writer()
        for name, least in (("checkpoint_every", 1), ("samples_every", 1), ("evaluate_every", 0)):
            value = getattr(self, name)
            require(value >= least, f"{name.replace('_', ' ')} must be at least {least}, not {value}")
