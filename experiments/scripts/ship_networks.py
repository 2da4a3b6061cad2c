"""Write a run's generator and discriminator as the package ships them.

    .venv/bin/python -P -m experiments.scripts.ship_networks RUN NAME

Writes gan_jax/inference/weights/NAME/, and prints the entry of PRETRAINED in gan_jax/inference/pretrained.py.
"""

import hashlib
import sys
from pathlib import Path

from gan_jax.data.datasets import load
from gan_jax.errors import require
from gan_jax.inference.pretrained import WEIGHTS, describe, load_generator, single_image_discriminator
from gan_jax.inference.quantized import encode_quantized
from gan_jax.runs.checkpoints import load_newest
from gan_jax.runs.restore import initial_state
from gan_jax.runs.run_dir import RunDir
from gan_jax.utils.files import write_bytes


def main(run: Path, name: str) -> None:
    """Write both networks of a finished run."""
    generator, folder = load_generator(run), RunDir(run)
    require(folder.read_manifest().get("epochs") == generator.epoch, f"{run} is not finished")
    state, _ = load_newest(folder.checkpoints, initial_state(generator.config))
    assert state is not None  # load_generator found a checkpoint
    discriminator = single_image_discriminator(
        state.discriminator, generator.hparams, lambda: load(generator.config.dataset).test_images
    )
    require(discriminator is not None, "not supported: D uses packing or minibatch stddev")
    assert discriminator is not None
    description = describe(generator)
    files = {
        "generator": encode_quantized(generator.params, description),
        "discriminator": encode_quantized(discriminator.params, description | {"offset": discriminator.offset}),
    }
    for network, content in files.items():
        write_bytes(WEIGHTS / name / f"{network}.safetensors.gz", content)
        print(f"{network}_sha256={hashlib.sha256(content).hexdigest()!r},")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
