"""Trained generators, from a run's newest checkpoint, from a file of weights, or shipped with the package."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.config import MAX_EPOCHS, Config, Hyperparameters
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import UserError, require
from gan_jax.inference.quantized import read_quantized
from gan_jax.losses.adversarial import LOSSES
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE
from gan_jax.runs import checkpoints
from gan_jax.runs.progress import say
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training.apply_fns import discriminator_weights, networks
from gan_jax.training.state import init_state
from gan_jax.types import DEFAULT_PRETRAINED, Params, Pretrained
from gan_jax.utils import safetensors_io
from gan_jax.utils.text import unknown

WEIGHTS = Path(__file__).parent / "weights"


class Files(NamedTuple):
    """SHA-256 of the files of a run's networks that the package ships."""

    generator_sha256: str
    discriminator_sha256: str


# Trained for 100 epochs; experiments/scripts/ship_networks.py writes the files, which hold their configurations.
PRETRAINED: dict[Pretrained, Files] = {
    "part_best": Files(
        generator_sha256="27f82efc1f70a67139d241667cd57eec5e5515ffe2dea90978275160d15f5077",
        discriminator_sha256="806403af5c9eccab819f588b53388ab04727468495579de295d70746dc649d2b",
    ),
    "part_a": Files(
        generator_sha256="5ba1d7a10fb1ddf292ffb898d85f88cc97f0cf617a5e73a25a846454dc753d0f",
        discriminator_sha256="54ee86fa9bc183af51ae7bc4b6b15eacbc3dc733d700f227f562937d581694b4",
    ),
}


class TrainedGenerator(NamedTuple):
    """Generator's parameters, and the run that they come from."""

    params: Params
    config: Config
    epoch: int  # after which the parameters were saved
    params_sha256: str  # of both networks, as in the run's manifest
    git_commit: str | None  # of the code that trained it

    @property
    def hparams(self) -> Hyperparameters:
        """Hyperparameters for inference: float32 in the place of tensorfloat32, which approximates it on GPUs."""
        hparams = self.config.hparams
        return replace(hparams, precision="float32") if hparams.precision == "tensorfloat32" else hparams

    @property
    def name(self) -> str:
        return f"{self.config.name} after epoch {self.epoch}"


class TrainedDiscriminator(NamedTuple):
    """Discriminator's parameters, and the offset of its logits."""

    params: Params
    # Subtracted from a logit before the sigmoid. It is D's mean logit on real images if the loss defines logits only up
    # to a constant: D(x) is then the probability of being more real than the average real image.
    offset: float = 0.0


def load_generator(
    path: Path | None = None, pretrained: Pretrained = DEFAULT_PRETRAINED, log: Callable[[str], None] = say
) -> TrainedGenerator:
    """Load the generator of a run's newest checkpoint, of a file from `write_generator`, or a shipped one.

    Args:
        path: a run's directory or a safetensors file; None for a shipped generator.
        pretrained: one of PRETRAINED.
        log: takes a warning for each damaged checkpoint that is skipped.

    Raises:
        UserError: if there is no generator, or it is damaged.
    """
    if path is None:
        require(pretrained in PRETRAINED, unknown("pretrained generator", pretrained, PRETRAINED))
        file = WEIGHTS / pretrained / "generator.safetensors.gz"
        return _from_tensors(file, *read_quantized(file, PRETRAINED[pretrained].generator_sha256))
    if path.is_file():
        return _from_tensors(path, *_read_weights(path))
    return _from_run(RunDir(path), log)


def load_discriminator(pretrained: Pretrained = DEFAULT_PRETRAINED) -> TrainedDiscriminator:
    """Load the D that was trained with the shipped generator of this name."""
    file = WEIGHTS / pretrained / "discriminator.safetensors.gz"
    tensors, description = read_quantized(file, PRETRAINED[pretrained].discriminator_sha256)
    _, network = networks(Config.from_json(description["config"]).hparams)
    params = safetensors_io.params_from_tensors(tensors, network, IMAGE_SIZE, file, "a discriminator")
    return TrainedDiscriminator(params, description["offset"])


def single_image_discriminator(
    params: Params, hparams: Hyperparameters, real_images: Callable[[], np.ndarray]
) -> TrainedDiscriminator | None:
    """Make a trained D ready for single images; None if it takes several at once.

    Args:
        params: D's parameters.
        hparams: of its run.
        real_images: returns uint8 (n, 784), whose mean logit is the offset if the loss defines logits up to a constant.
    """
    if hparams.group_size > 1:
        return None
    weights = discriminator_weights(params, hparams)
    if not LOSSES[hparams.loss].shift_invariant:
        return TrainedDiscriminator(weights)
    logits = networks(hparams)[1].apply(weights, to_unit_range(real_images()))
    return TrainedDiscriminator(weights, float(np.mean(np.asarray(logits, np.float64))))


def write_generator(path: Path, generator: TrainedGenerator) -> None:
    """Write a generator's parameters in float16, and its description, as safetensors."""
    safetensors_io.save_float16(path, generator.params, describe(generator))


def describe(generator: TrainedGenerator) -> dict[str, Any]:
    """Return a generator's description in files, as JSON values."""
    description = generator._asdict() | {"config": generator.config.to_json()}
    del description["params"]
    return description


def _read_weights(path: Path) -> tuple[safetensors_io.Tensors, Any]:
    """Read a file of weights. Raises UserError, which says what else `./run.sh export` writes if it may be that."""
    try:
        return safetensors_io.read(path, safetensors_io.MAX_BYTES)
    except UserError as error:
        if path.suffix.lower() == ".safetensors":
            raise
        raise UserError(
            f"{error}. Weights are in a file that ends in .safetensors: ./run.sh export --out FILE.safetensors. A "
            "program that export writes under another ending draws its images by itself: "
            'jax.export.deserialize(open(FILE, "rb").read()).call(latents)'
        ) from error


def _from_run(folder: RunDir, log: Callable[[str], None]) -> TrainedGenerator:
    config, manifest = folder.read_config(), folder.read_manifest()
    if config is None:
        raise UserError(f"{folder.path} is not a run directory")
    if (trainer := manifest.get("trainer", JAX)) != JAX:
        raise UserError(f"{folder.path} was trained by {trainer}, which keeps no checkpoints")
    like = jax.eval_shape(partial(init_state, hparams=config.hparams), jax.random.key(config.seed))
    state, warnings = checkpoints.load_newest(folder.checkpoints, like)
    for warning in warnings:
        log(f"warning: {warning}")
    if state is None:
        reason = ": all are corrupt" if warnings else " yet: train it further"
        raise UserError(f"{folder.path} has no checkpoint{reason}")
    digest = checkpoints.params_sha256(state)
    return TrainedGenerator(state.sampling_params, config, int(state.epoch), digest, manifest.get("git_commit"))


def _from_tensors(path: Path, tensors: safetensors_io.Tensors, description: Any) -> TrainedGenerator:
    """Make the generator in a file, after checking its description."""
    try:
        config = Config.from_json(description["config"])
        described = TrainedGenerator(**description | {"params": {}, "config": config})
        epoch, digest, commit = described.epoch, described.params_sha256, described.git_commit
        require(type(epoch) is int and 1 <= epoch <= MAX_EPOCHS, "the epoch must be a positive integer")
        require(isinstance(digest, str) and isinstance(commit, str | None), "the digest and the commit must be text")
    except (KeyError, ValueError, TypeError) as error:
        maker = "./run.sh export --out FILE.safetensors"
        raise UserError(f"{path} does not say which generator it holds: make such a file with {maker}") from error
    network, _ = networks(config.hparams)
    return described._replace(
        params=safetensors_io.params_from_tensors(
            tensors, network, LATENT_SIZE, path, "the generator that it describes"
        )
    )
