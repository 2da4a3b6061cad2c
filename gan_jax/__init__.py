"""A laboratory for how GANs train, in pure functions of JAX and Flax.

Train a run, sample from it, evaluate the samples, and compare runs:

    import gan_jax

    config = gan_jax.Config(name="mine", epochs=5, hparams=gan_jax.Hyperparameters(real_target=0.9))
    run = gan_jax.train(config)  # in runs/mine, with a progress bar
    images = gan_jax.sample(run, count=10_000, seed=3)
    print(gan_jax.evaluate(images))
    print(gan_jax.compare(["runs/mine", "runs/other"]))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_jax.api import (
        Config,
        EpochInfo,
        Hyperparameters,
        ImageDataset,
        Schedule,
        TrainerOptions,
        compare,
        count_modes,
        evaluate,
        load_dataset,
        load_plugin,
        metrics_frame,
        register_metric,
        report,
        sample,
        train,
    )

__all__ = [
    "Config",
    "EpochInfo",
    "Hyperparameters",
    "ImageDataset",
    "Schedule",
    "TrainerOptions",
    "compare",
    "count_modes",
    "evaluate",
    "load_dataset",
    "load_plugin",
    "metrics_frame",
    "register_metric",
    "report",
    "sample",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: JAX and the rest take seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gan_jax import api

    value = globals()[name] = getattr(api, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
