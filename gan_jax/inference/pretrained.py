"""A trained generator by itself: from a run's newest checkpoint, from a file of weights, or the shipped one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax

from gan_jax.config import MAX_EPOCHS, Config, Hyperparameters
from gan_jax.errors import UserError, require
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE
from gan_jax.runs import checkpoints
from gan_jax.runs.progress import say
from gan_jax.runs.run_dir import JAX, RunDir
from gan_jax.training.apply_fns import networks
from gan_jax.training.state import init_state
from gan_jax.types import Params
from gan_jax.utils import safetensors_io

# part_a with seed 1 after 100 epochs; what else is known of it stands in the file.
PRETRAINED = Path(__file__).parent / "weights" / "generator.safetensors"
SHIPPED_SHA256 = "683373ad4ff1138368b7091b4ba8713e8c551615cfe5405fdddd7da7d699f328"
# The D of the same checkpoint, likewise written.
SHIPPED_DISCRIMINATOR = PRETRAINED.with_name("discriminator.safetensors")
SHIPPED_DISCRIMINATOR_SHA256 = "8f4443e79324f9d6bd951774914965615ee3da2c6976585a2ba93e40106f7e55"


class TrainedGenerator(NamedTuple):
    """A generator's parameters, and the run that they are of."""

    params: Params
    config: Config
    epoch: int  # after which they were taken
    params_sha256: str  # of both networks then, as in the run's manifest
    git_commit: str | None  # that trained them

    @property
    def hparams(self) -> Hyperparameters:
        """Hyperparameters to compute with: float32 in the place of tensorfloat32, which approximates it on GPUs."""
        hparams = self.config.hparams
        return replace(hparams, precision="float32") if hparams.precision == "tensorfloat32" else hparams

    @property
    def name(self) -> str:
        return f"{self.config.name} after epoch {self.epoch}"


def load_generator(path: Path | None = None, say: Callable[[str], None] = say) -> TrainedGenerator:
    """The generator of a run's newest checkpoint, or in a file that `write_generator` wrote, or the shipped one.

    Args:
        path: a run's folder or a safetensors file; None for the shipped one.
        say: told of a checkpoint that is damaged, and passed over.

    Raises:
        UserError: if there is no generator, or it is damaged.
    """
    if path is None:
        return _read(PRETRAINED, SHIPPED_SHA256)
    return _read(path) if path.is_file() else _of_run(RunDir(path), say)


def load_discriminator() -> Params:
    """The D of the run whose generator is shipped, from the same checkpoint, in float16's precision."""
    tensors, _ = safetensors_io.read(SHIPPED_DISCRIMINATOR, safetensors_io.MAX_BYTES, SHIPPED_DISCRIMINATOR_SHA256)
    _, network = networks(Hyperparameters())
    return safetensors_io.params_from_tensors(
        tensors, network, IMAGE_SIZE, SHIPPED_DISCRIMINATOR, "part_a's discriminator"
    )


def write_generator(path: Path, generator: TrainedGenerator) -> None:
    """Write a generator's parameters in float16, and what it is, as safetensors."""
    description = generator._asdict() | {"config": generator.config.to_json()}
    safetensors_io.save_float16(path, description.pop("params"), description)


def _of_run(folder: RunDir, say: Callable[[str], None]) -> TrainedGenerator:
    config, manifest = folder.read_config(), folder.read_manifest()
    if config is None:
        raise UserError(f"{folder.path} holds no run")
    if (trainer := manifest.get("trainer", JAX)) != JAX:
        raise UserError(f"{folder.path} was trained by {trainer}, which keeps no checkpoints")
    like = jax.eval_shape(partial(init_state, hparams=config.hparams), jax.random.key(config.seed))
    state, warnings = checkpoints.load_newest(folder.checkpoints, like)
    for warning in warnings:
        say(f"warning: {warning}")
    if state is None:
        whole = "that is whole" if warnings else "yet: there is one when it is finished"
        raise UserError(f"{folder.path} has no checkpoint {whole}")
    digest = checkpoints.params_sha256(state)
    return TrainedGenerator(state.sampling_params, config, int(state.epoch), digest, manifest.get("git_commit"))


def _require_kinds(described: TrainedGenerator) -> None:
    """Raise UserError unless what a file says of its generator is of the kind that it should be."""
    epoch, digest, commit = described.epoch, described.params_sha256, described.git_commit
    require(type(epoch) is int and 1 <= epoch <= MAX_EPOCHS, "the epoch is none")
    require(isinstance(digest, str) and isinstance(commit, str | None), "the digest and the commit are text")


def _read(path: Path, sha256: str | None = None) -> TrainedGenerator:
    tensors, description = safetensors_io.read(path, safetensors_io.MAX_BYTES, sha256)
    try:
        config = Config.from_json(description["config"])
        described = TrainedGenerator(**description | {"params": {}, "config": config})
        _require_kinds(described)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} does not say which generator it holds: make it with ./run.sh export") from error
    network, _ = networks(config.hparams)
    return described._replace(
        params=safetensors_io.params_from_tensors(
            tensors, network, LATENT_SIZE, path, "the generator that it describes"
        )
    )
