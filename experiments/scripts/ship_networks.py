"""Write a run's generator and discriminator as the package ships them.

    .venv/bin/python -P -m experiments.scripts.ship_networks RUN NAME

Writes gan_jax/inference/weights/NAME/, and prints the entry of PRETRAINED in gan_jax/inference/pretrained.py.
"""

import sys
from pathlib import Path

import numpy as np

from gan_jax.data.datasets import load
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import require
from gan_jax.inference.pretrained import WEIGHTS, describe, load_generator
from gan_jax.inference.quantized import save_quantized
from gan_jax.losses.adversarial import LOSSES
from gan_jax.runs.checkpoints import load_newest
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.apply_fns import discriminator_weights, networks


def main(run: Path, name: str) -> None:
    """Write both networks of a run's newest checkpoint."""
    generator = load_generator(run)
    hparams = generator.hparams
    require(hparams.group_size == 1, "a D that takes several images at once has no output for one image")
    state, _ = load_newest(RunDir(run).checkpoints, initial_state(generator.config))
    assert state is not None  # load_generator found a checkpoint
    params = discriminator_weights(state.discriminator, hparams)
    offset = 0.0
    if LOSSES[hparams.loss].shift_invariant:
        images = to_unit_range(load(generator.config.dataset).test_images)
        offset = float(np.mean(np.asarray(networks(hparams)[1].apply(params, images), np.float64)))
    description = describe(generator)
    files = {
        "generator": (generator.params, description),
        "discriminator": (params, description | {"offset": offset}),
    }
    hashes = [
        save_quantized(WEIGHTS / name / f"{network}.safetensors.gz", each, about)
        for network, (each, about) in files.items()
    ]
    print(f'    "{name}": Files({", ".join(repr(each) for each in hashes)}),')


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
