"""The homework's parts as configuration literals, each with its claim and what is to be expected of it.

./run.sh part_a        19 minutes on two cores of an AMD EPYC (Milan) at 100 epochs
"""

from dataclasses import dataclass

from gan_jax.config import Config, Setting


@dataclass(frozen=True)
class Part:
    """A part of the homework's question 1."""

    config: Config
    question: str
    claim: str  # of the homework's author; what was measured stands in README and experiments/results
    baseline: str | None = None  # the part that it is compared with


PART_A = Part(
    Config(name="part_a", setting=Setting(loss="non_saturating")),
    question="Train a GAN on MNIST with the non-saturating loss: G minimises -log D(G(z)).",
    claim="Readable digits after 100 epochs.",
)
PART_B = Part(
    Config(name="part_b", setting=Setting(loss="saturating")),
    question="Train it with the original minimax loss: G minimises log(1 - D(G(z))).",
    claim="It does not train: D soon rejects every sample, log(1 - D(G(z))) saturates, and G's gradient vanishes.",
    baseline="part_a",
)

PARTS = {part.config.name: part for part in (PART_A, PART_B)}
