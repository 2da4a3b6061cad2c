"""Prints a digest of the compiled epoch's text for hyperparameters that together take every branch of the step.

python -m tests.helpers.lowered_text      before and after a refactoring: the digests stay the same
"""

import hashlib
from dataclasses import replace

import jax

from experiments.improvements.variants import BEST, CHANGES
from gan_jax.config import Hyperparameters
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch

SETTINGS = {
    "part_a": (Hyperparameters(), 1),
    "part_b": (Hyperparameters(loss="saturating"), 1),
    "r1": (CHANGES["r1"].hparams, 1),
    "r2": (Hyperparameters(r2=3.0), 1),
    "part_best": (BEST, 1),
    "wgan_gp": (CHANGES["wasserstein"].hparams, 5),
    "dragan": (CHANGES["dragan"].hparams, 1),
    "everything": (
        Hyperparameters(
            loss="least_squares",
            real_target=0.9,
            batch_size=64,
            width_multiplier=2,
            stacked_digits=3,
            generator_learning_rate=1e-4,
            cosine_decay_epochs=7,
            ema_decay=0.99,
            r1=1.0,
            r2=2.0,
            gradient_penalty=3.0,
            dragan=4.0,
            spectral_norm=True,
            pack_size=2,
            minibatch_stddev=4,
            instance_noise_std=0.1,
        ),
        2,
    ),
    "bfloat16_r1": (replace(CHANGES["r1"].hparams, precision="bfloat16"), 1),
}


def text(hparams: Hyperparameters, discriminator_steps: int) -> str:
    """Return the StableHLO of an epoch over 2000 images."""
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), hparams))
    images = jax.ShapeDtypeStruct((2000, 784), "uint8")
    lowered = train_epoch.lower(state, images, hparams=hparams, discriminator_steps=discriminator_steps)
    return lowered.as_text()


if __name__ == "__main__":
    for name, (hparams, steps) in SETTINGS.items():
        print(name, hashlib.sha256(text(hparams, steps).encode()).hexdigest())
