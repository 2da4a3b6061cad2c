"""The homework's PyTorch notebook as a program: the baseline that gan_jax is compared with, in eager PyTorch.

    ./run.sh torch_baseline part_a      claim: the same losses, digits and failures as gan_jax's run of that part

It follows the notebook without further optimization: nn.Sequential networks, a sigmoid and BCELoss on probabilities,
separate passes of D on real and generated images, `backward()` from each loss to every leaf. The scaled images are in
memory, so that no data loader is timed. Configurations and run directories are gan_jax's own.
"""

import os
import shutil
import time
from collections.abc import Sequence
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import Tensor, nn
from torch._functorch import config as functorch
from torch._inductor import config as inductor

from gan_jax.config import Config, Hyperparameters, require_precision
from gan_jax.data.pixels import to_unit_range
from gan_jax.errors import require
from gan_jax.models.mlp import IMAGE_SIZE, LATENT_SIZE, widened
from gan_jax.runs.callbacks import Callbacks
from gan_jax.runs.options import TrainerOptions
from gan_jax.runs.ownership import lock_pending_runs
from gan_jax.runs.recorder import ModelFns, RunRecorder
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.diagnostics import StepInfo
from gan_jax.utils.cache import private_cache_folder
from gan_jax.utils.hashing import tree_sha256

Info = dict[str, Tensor]  # scalars that a step reports, by the names of gan_jax.training.diagnostics.StepInfo

# The notebook's sizes, not gan_jax's constants, so that the parity tests notice a change of those.
GENERATOR_SIZES, DISCRIMINATOR_SIZES = (256, 512, 1024), (1024, 512, 256)

binary_cross_entropy = nn.BCELoss()


def make_generator(hidden_sizes: Sequence[int] = GENERATOR_SIZES) -> nn.Sequential:
    """Make G: latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    hidden = [(nn.Linear(*sizes), nn.LeakyReLU(0.2)) for sizes in pairwise((LATENT_SIZE, *hidden_sizes))]
    return nn.Sequential(*chain(*hidden), nn.Linear(hidden_sizes[-1], IMAGE_SIZE), nn.Tanh())


def make_discriminator(dropout_rate: float, hidden_sizes: Sequence[int] = DISCRIMINATOR_SIZES) -> nn.Sequential:
    """Make D without its sigmoid: images float32 (batch, 784) in [-1, 1] -> logits float32 (batch, 1)."""
    hidden = [
        (nn.Linear(*sizes), nn.LeakyReLU(0.2), nn.Dropout(dropout_rate))
        for sizes in pairwise((IMAGE_SIZE, *hidden_sizes))
    ]
    return nn.Sequential(*chain(*hidden), nn.Linear(hidden_sizes[-1], 1))


def make_networks(hparams: Hyperparameters) -> tuple[nn.Sequential, nn.Sequential]:
    """Make G and D with torch's initial weights."""
    return (
        make_generator(widened(GENERATOR_SIZES, hparams.width_multiplier)),
        make_discriminator(hparams.dropout_rate, widened(DISCRIMINATOR_SIZES, hparams.width_multiplier)),
    )


class Gan:
    """Both networks in training mode, each with its own Adam, in any floating-point type and on any device.

    The precision of float32 products is set for the whole process: torch has no narrower setting.
    """

    def __init__(self, hparams: Hyperparameters, generator: nn.Module, discriminator: nn.Module) -> None:
        self.hparams, self.generator, self.discriminator = hparams, generator, discriminator
        torch.set_float32_matmul_precision("high" if hparams.precision == "tensorfloat32" else "highest")
        self.generator_optimizer = self._adam(self.generator)
        self.discriminator_optimizer = self._adam(self.discriminator)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        hparams = self.hparams
        betas = (hparams.adam_b1, hparams.adam_b2)
        return torch.optim.Adam(network.parameters(), hparams.learning_rate, betas, eps=1e-8)

    def generate(self, latents: Tensor) -> Tensor:
        """Apply G: latents (batch, 128) -> images (batch, 784) in [-1, 1], of the latents' type."""
        with self._autocast(latents):
            images = self.generator(latents)
        return images.to(latents.dtype)

    def discriminate(self, images: Tensor) -> Tensor:
        """Apply D: images (batch, 784) in [-1, 1] -> probabilities (batch,) in [0, 1], of the images' type.

        Under autocast the logits are bfloat16, but the sigmoid and the losses are float32: bfloat16, with eight bits,
        has no number between 1 - 1/256 and 1.
        """
        with self._autocast(images):
            logits = self.discriminator(images)
        return torch.sigmoid(logits.to(images.dtype))[:, 0]

    def compile(self) -> None:
        """Compile both networks with torch.compile, each including its last activation.

        `nn.Module.compile` silently does nothing for an `nn.Sequential`, since dynamo skips torch's own code, which
        is all that such a module's `forward` runs. On a GPU the kernels go into CUDA graphs, since launching them one
        by one takes longer than these networks' products.
        """
        _use_private_cache()
        on_gpu = next(self.generator.parameters()).device.type == "cuda"
        compiled = partial(torch.compile, mode="reduce-overhead" if on_gpu else None)
        self.generate, self.discriminate = compiled(self.generate), compiled(self.discriminate)

    def _autocast(self, inputs: Tensor) -> torch.autocast:
        return torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.hparams.precision == "bfloat16")


def _use_private_cache() -> None:
    """Keep torch.compile from unpickling graphs of earlier processes, and have it write where no other user can.

    By default it shares both, and precompiled headers, with all users through a temporary directory of the system.
    """
    inductor.cpp_cache_precompile_headers = False  # their directory cannot be chosen
    inductor.fx_graph_cache = False
    functorch.enable_autograd_cache = False
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(private_cache_folder() / "torch")


def loss_against(probabilities: Tensor, target: float) -> Tensor:
    """Compute BCELoss of probabilities (batch,) against one target: ()."""
    return binary_cross_entropy(probabilities, torch.full_like(probabilities, target))


def discriminator_step(gan: Gan, real_images: Tensor, latents: Tensor) -> Info:
    """Update D on real images (batch, 784) in [-1, 1] and on images generated from latents (batch, 128)."""
    with torch.no_grad():
        fake_images = gan.generate(latents)
    real, fake = gan.discriminate(real_images), gan.discriminate(fake_images)
    loss = loss_against(real, gan.hparams.real_target) + loss_against(fake, gan.hparams.fake_target)
    gan.discriminator_optimizer.zero_grad()
    loss.backward()
    gan.discriminator_optimizer.step()
    return {
        "discriminator_loss": loss.detach(),
        "real_probability": real.detach().mean(),
        "fake_probability": fake.detach().mean(),
        "discriminator_accuracy": ((real > 0.5).to(real.dtype).mean() + (fake < 0.5).to(fake.dtype).mean()) / 2,
        "discriminator_gradient_norm": gradient_norm(gan.discriminator),
    }


def generator_step(gan: Gan, latents: Tensor) -> Info:
    """Update G on latents (batch, 128). Gradients are left in D as well, which D's next step clears."""
    fake = gan.discriminate(gan.generate(latents))
    target = gan.hparams.generator_target
    loss = -loss_against(fake, 1 - target) if gan.hparams.loss == "saturating" else loss_against(fake, target)
    gan.generator_optimizer.zero_grad()
    loss.backward()
    gan.generator_optimizer.step()
    return {"generator_loss": loss.detach(), "generator_gradient_norm": gradient_norm(gan.generator)}


def gradient_norm(network: nn.Module) -> Tensor:
    """Compute the Euclidean norm of all gradients, (), scaled by the largest entry so that no square underflows."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    largest = nn.utils.get_total_norm(gradients, torch.inf)
    scale = torch.where(largest > 0, largest, 1)
    return scale * nn.utils.get_total_norm([gradient / scale for gradient in gradients])


def train_step(gan: Gan, real_images: Tensor, latents: Tensor) -> Info:
    """Update D once for each of the latents (steps + 1, batch, 128) but the last, and G on the last."""
    infos = [discriminator_step(gan, real_images, each) for each in latents[:-1]]
    means = {name: torch.stack([info[name] for info in infos]).mean() for name in infos[0]}
    reported = means | generator_step(gan, latents[-1])
    return {name: reported[name] for name in StepInfo._fields}


def train_epoch(gan: Gan, images: Tensor, discriminator_steps: int) -> dict[str, np.ndarray]:
    """Train on images (n, 784) in [-1, 1] in a new random order, without an incomplete last batch.

    Returns the metrics of each iteration, (n // batch size,) by name.
    """
    batch_size = gan.hparams.batch_size
    batches = len(images) // batch_size
    infos = []
    for indices in torch.randperm(len(images))[: batches * batch_size].view(batches, batch_size):
        latents = torch.randn(discriminator_steps + 1, batch_size, LATENT_SIZE, device=images.device)
        infos.append(train_step(gan, images[indices.to(images.device)], latents))
    return {name: torch.stack([info[name] for info in infos]).cpu().numpy() for name in infos[0]}


def params_sha256(gan: Gan) -> str:
    """Compute the digest of both networks' parameters."""
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return tree_sha256(
        {name: {key: value.cpu().numpy() for key, value in net.state_dict().items()} for name, net in networks.items()}
    )


def train(
    configs: Sequence[Config],
    data: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    compiled: bool,
) -> list[RunDir]:
    """Train runs like `gan_jax.runs.trainer.train`, but one after another and without checkpoints.

    Args:
        configs, data, out, trainer_options, callbacks: as there.
        compiled: whether to compile both networks with torch.compile.

    Raises:
        UserError: as there; also if a run was begun and not finished, or torch.compile lacks its C++ compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    require(
        not compiled or shutil.which(compiler) is not None,
        f"torch.compile needs a C++ compiler, and {compiler} is missing: install it, or name another in CXX",
    )
    require_precision(configs[0].hparams, torch.cuda.is_available())
    trainer = "torch_compile" if compiled else "torch"
    with lock_pending_runs(configs, data, out, trainer_options, callbacks, trainer=trainer, resumes=False) as records:
        for record in records:
            _train(record, data, trainer_options, callbacks, compiled)
    return [RunDir(out / config.name) for config in configs]


def _train(
    record: RunRecorder, data: RunData, trainer_options: TrainerOptions, callbacks: Callbacks, compiled: bool
) -> None:
    config = record.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    record.manifest["versions"]["torch"] = torch.__version__
    record.manifest["torch"] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
    }
    record.start()
    callbacks.on_train_start(config, 0, 1)
    torch.manual_seed(config.seed)
    gan = Gan(config.hparams, *(network.to(device) for network in make_networks(config.hparams)))
    eager_generate, eager_discriminate = gan.generate, gan.discriminate  # for samples, few and in other batch sizes
    if compiled:
        gan.compile()
    images = torch.tensor(np.asarray(to_unit_range(data.dataset.train_images)), device=device)

    @torch.no_grad()
    def generate(latents: jax.Array) -> jax.Array:
        return jnp.asarray(eager_generate(torch.tensor(np.asarray(latents), device=device)).cpu().numpy())

    @torch.no_grad()
    def discriminate(images: jax.Array) -> jax.Array:
        gan.discriminator.eval()
        outputs = eager_discriminate(torch.tensor(np.asarray(images), device=device))
        gan.discriminator.train()
        return jnp.asarray(outputs.cpu().numpy())

    for epoch in range(1, config.epochs + 1):
        steps, start = config.discriminator_steps.steps(epoch), time.perf_counter()
        infos = train_epoch(gan, images, steps)
        record.log_epoch(steps, infos, time.perf_counter() - start)
        record.evaluate_and_save(ModelFns(generate, discriminate), data, trainer_options, callbacks)
        callbacks.on_epoch_end(record.rows[-1:])
    record.finish(params_sha256(gan))
