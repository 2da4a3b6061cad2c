"""Variants of part_a that later papers propose, one change at a time and the best changes together.

./run.sh improvements     trains all of them; the results are in docs/improvements.md
"""

from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches

from gan_jax.config import Config, Hyperparameters
from gan_jax.errors import require

BASE = Hyperparameters()


@dataclass(frozen=True)
class Change:
    """Hyperparameters that differ from part_a's in one respect, or in several that belong together."""

    hparams: Hyperparameters
    what: str  # description, with the source

    def config(self, name: str, epochs: int) -> Config:
        """Make the configuration of a run with this name and number of epochs."""
        return with_epochs(Config(name=name, hparams=self.hparams), epochs)


def with_epochs(config: Config, epochs: int) -> Config:
    """Change the number of epochs, and with it the length of a cosine decay of the learning rates."""
    cosine = epochs if config.hparams.cosine_decay_epochs else 0
    return replace(config, epochs=epochs, hparams=replace(config.hparams, cosine_decay_epochs=cosine))


BEST = Hyperparameters(
    loss="relativistic",
    r1=3.0,
    r2=3.0,
    learning_rate=1e-3,
    adam_b1=0.0,
    adam_b2=0.99,
    cosine_decay_epochs=100,
    ema_decay=0.999,
    dropout_rate=0.0,
    batch_size=128,
)

CHANGES: dict[str, Change] = {
    "part_a": Change(BASE, "the homework's baseline"),
    # Losses.
    "least_squares": Change(replace(BASE, loss="least_squares"), "least squares (Mao et al. 2017)"),
    "hinge": Change(replace(BASE, loss="hinge"), "hinge (Lim and Ye 2017)"),
    "wasserstein": Change(
        replace(BASE, loss="wasserstein", gradient_penalty=10.0, dropout_rate=0.0),
        "Wasserstein with gradient penalty 10, without dropout (Gulrajani et al. 2017, but one step of D, this Adam)",
    ),
    "relativistic": Change(replace(BASE, loss="relativistic"), "relativistic pairing (Jolicoeur-Martineau 2018)"),
    # Penalties.
    "r1": Change(replace(BASE, r1=3.0), "R1 of weight 3 (Mescheder et al. 2018)"),
    "r1_r2": Change(replace(BASE, r1=3.0, r2=3.0), "R1 and R2 of weight 3 (Mescheder et al. 2018)"),
    "dragan": Change(replace(BASE, dragan=10.0), "DRAGAN of weight 10 (Kodali et al. 2017)"),
    "relativistic_r1_r2": Change(
        replace(BASE, loss="relativistic", r1=3.0, r2=3.0),
        "relativistic pairing, R1 and R2 of weight 3 (Huang et al. 2024)",
    ),
    # Optimizers, and D's input and layers.
    "averaging": Change(replace(BASE, ema_decay=0.999), "an average of G, decay 0.999 (Yazici et al. 2019)"),
    "betas": Change(replace(BASE, adam_b1=0.0, adam_b2=0.99), "Adam's decays 0 and 0.99"),
    "cosine": Change(replace(BASE, cosine_decay_epochs=100), "learning rates that fall in half a cosine"),
    "fast": Change(replace(BASE, learning_rate=1e-3), "learning rates five times as high"),
    "small_batch": Change(replace(BASE, batch_size=128), "a quarter of the batch, and four times the updates"),
    "two_time_scales": Change(
        replace(BASE, learning_rate=8e-4, generator_learning_rate=2e-4),
        "D's learning rate four times G's (Heusel et al. 2017)",
    ),
    "no_dropout": Change(replace(BASE, dropout_rate=0.0), "no dropout in D"),
    "spectral_normalisation": Change(
        replace(BASE, spectral_norm=True), "spectral normalization of D (Miyato et al. 2018)"
    ),
    "packing": Change(replace(BASE, pack_size=2), "D sees two images at once (Lin et al. 2018)"),
    "minibatch_deviation": Change(
        replace(BASE, minibatch_stddev=4, dropout_rate=0.0),  # dropout would add to the deviation
        "D's last layer also sees how much four images differ, without dropout (Karras et al. 2018)",
    ),
    "instance_noise": Change(
        replace(BASE, instance_noise_std=0.1),
        "noise of constant deviation 0.1 on real and generated images (Sønderby et al. 2017)",
    ),
    # Smoothing under both losses: smoothing fake targets is said to hurt only with log(1 - D) (arXiv:1708.01729).
    # The homework's parts keep their names, so that their run directories can be copied into the study's. Part_c5
    # smooths G's target, too; under log(1 - D) G would then be drawn to D(G(z)) = 0.1 from both sides.
    "part_c6": Change(replace(BASE, real_target=0.9), "one-sided smoothing"),
    "part_c5": Change(replace(BASE, real_target=0.9, fake_target=0.1, generator_target=0.9), "two-sided smoothing"),
    "part_b": Change(replace(BASE, loss="saturating"), "log(1 - D)"),
    "one_sided_saturating": Change(
        replace(BASE, loss="saturating", real_target=0.9), "one-sided smoothing under log(1 - D)"
    ),
    "two_sided_saturating": Change(
        replace(BASE, loss="saturating", real_target=0.9, fake_target=0.1),
        "two-sided smoothing of D's targets under log(1 - D)",
    ),
    "part_best": Change(
        BEST, "relativistic_r1_r2, small_batch, fast, betas, cosine, averaging and no_dropout together"
    ),
}


def _without(name: str) -> Hyperparameters:
    """Return part_best's hyperparameters with those of one change reset to part_a's."""
    changed = asdict(CHANGES[name].hparams)
    return replace(BEST, **{field: value for field, value in asdict(BASE).items() if changed[field] != value})


# Ablation of part_best: each of its changes left out.
BEST_OF = ("relativistic_r1_r2", "small_batch", "fast", "betas", "cosine", "averaging", "no_dropout")
CHANGES |= {f"best_without_{name}": Change(_without(name), f"part_best without {name}") for name in BEST_OF}


def parse_changes(text: str) -> list[str]:
    """Split a comma-separated list of changes. Raises UserError for an unknown one."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        near = get_close_matches(name.lower(), CHANGES, n=3)
        require(name in CHANGES, f"unknown change {name!r}: choose from {', '.join(near or CHANGES)}")
    return names
