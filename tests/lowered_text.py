"""Print a digest of the compiled epoch's text for settings that between them take every branch of the step.

python -m tests.lowered_text      before and after a change that should move code alone: the digests stay
"""

import hashlib
from dataclasses import replace

import jax

from experiments.changes import BEST, CHANGES
from gan_jax.config import Setting
from gan_jax.players import init_state
from gan_jax.training import train_epoch

SETTINGS = {
    "part_a": (Setting(), 1),
    "part_b": (Setting(loss="saturating"), 1),
    "r1": (CHANGES["r1"].setting, 1),
    "r2": (Setting(r2=3.0), 1),
    "part_best": (BEST, 1),
    "wgan_gp": (CHANGES["wasserstein"].setting, 5),
    "dragan": (CHANGES["dragan"].setting, 1),
    "everything": (
        Setting(
            loss="least_squares",
            real_target=0.9,
            batch_size=64,
            width=2,
            channels=3,
            generator_learning_rate=1e-4,
            cosine_epochs=7,
            averaging=0.99,
            r1=1.0,
            r2=2.0,
            gradient_penalty=3.0,
            dragan=4.0,
            spectral_normalisation=True,
            packing=2,
            minibatch_deviation=4,
            instance_noise=0.1,
        ),
        2,
    ),
    "bfloat16_r1": (replace(CHANGES["r1"].setting, precision="bfloat16"), 1),
}


def text(setting: Setting, discriminator_steps: int) -> str:
    """Return the StableHLO of an epoch over 2000 images."""
    state = jax.eval_shape(lambda: init_state(jax.random.key(0), setting))
    images = jax.ShapeDtypeStruct((2000, 784), "uint8")
    lowered = train_epoch.lower(state, images, setting=setting, discriminator_steps=discriminator_steps)
    return lowered.as_text()


if __name__ == "__main__":
    for name, (setting, steps) in SETTINGS.items():
        print(name, hashlib.sha256(text(setting, steps).encode()).hexdigest())
