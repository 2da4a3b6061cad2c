"""Tables of the hyperparameters that the parts' runs share, and of where runs depart from the homework."""

from collections.abc import Callable, Mapping
from itertools import pairwise

from experiments.homework.parts import Part
from gan_jax.config import Config
from gan_jax.models.mlp import DISCRIMINATOR_SIZES, GENERATOR_SIZES, IMAGE_SIZE, LATENT_SIZE, LEAKY_SLOPE, widened


def _units(sizes: tuple[int, ...], rest: str) -> str:
    parameters = f"{sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes)):,}".replace(",", "\xa0")
    return f"{', '.join(map(str, sizes))} units; LeakyReLU({LEAKY_SLOPE:g}){rest}; {parameters} parameters"


def _generator(config: Config) -> str:
    sizes = widened(GENERATOR_SIZES, config.hparams.width_multiplier)
    return _units((LATENT_SIZE, *sizes, IMAGE_SIZE), ", tanh at the end")


def _discriminator(config: Config) -> str:
    sizes = widened(DISCRIMINATOR_SIZES, config.hparams.width_multiplier)
    return _units(
        (IMAGE_SIZE, *sizes, 1),
        f" and dropout {config.hparams.dropout_rate:g}, \N{GREEK SMALL LETTER SIGMA} at the end",
    )


def _adam(config: Config) -> str:
    hparams = config.hparams
    return (
        f"Adam for each network, learning rate {hparams.learning_rate:g}, "
        f"\N{GREEK SMALL LETTER BETA} = ({hparams.adam_b1:g}, {hparams.adam_b2:g})"
    )


FACTS: Mapping[str, Callable[[Config], str]] = {
    "data": lambda config: f"{config.dataset}, pixels in [-1, 1]",
    "G": _generator,
    "D": _discriminator,
    "initial weights": lambda config: "uniform in \N{PLUS-MINUS SIGN}1/\N{SQUARE ROOT}fan-in",
    "optimizer": _adam,
    "an iteration": lambda config: (
        f"{config.hparams.batch_size} real images: D's steps, then one of G, each with new noise"
    ),
    "precision": lambda config: config.hparams.precision,
    "epochs": lambda config: str(config.epochs),
}


def in_common(configs: Mapping[str, Config]) -> list[list[str]]:
    """Tabulate the configurations by part: the usual value, and the parts with another one."""
    rows = [["property", "value"]]
    for name, describe in FACTS.items():
        parts: dict[str, list[str]] = {}
        for part, config in configs.items():
            parts.setdefault(describe(config), []).append(part)
        first, *others = parts
        rows.append([name, "; ".join([first, *(f"in {', '.join(parts[other])}: {other}" for other in others)])])
    return rows


def departures(part: Part, config: Config) -> list[str]:
    """List how a run's configuration differs from the homework's, ignoring name and seed."""
    here, there = config.flat(), part.config.flat()
    return [
        f"{name.replace('_', ' ')} {here[name]} (there {there[name]})"
        for name in here
        if name not in ("name", "seed") and here[name] != there[name]
    ]
