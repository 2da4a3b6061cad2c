"""The homework's PyTorch notebook as a program: what gan_jax is measured against, in its own eager PyTorch.

    ./run.sh torch_baseline part_a      claim: the losses, digits and failures of gan_jax's run of the same part

It is what the notebook sets and no more clever: modules in a row, a sigmoid and BCELoss on probabilities, real and
generated images through D one after the other, `backward()` from each loss to every leaf. The images lie in memory,
ready scaled, so that no loader is timed. The parts are gan_jax's own `Config`s, and so is the folder that a run leaves.
"""

import os
import shutil
import time
from collections.abc import Sequence
from functools import partial
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
from gan_jax.runs.recorder import ModelFns, RunRecorder, TrainerOptions, lock_pending_runs
from gan_jax.runs.run_data import RunData
from gan_jax.runs.run_dir import RunDir
from gan_jax.training.diagnostics import StepInfo
from gan_jax.utils.cache import private_cache_folder
from gan_jax.utils.hashing import tree_sha256

Info = dict[str, Tensor]  # what a step reports, () each, under the names of gan_jax.training.train_step.StepInfo

# The notebook's, and not gan_jax's own constants, so that a change of those is noticed by the tests of parity.
GENERATOR_SIZES, DISCRIMINATOR_SIZES = (256, 512, 1024), (1024, 512, 256)

binary_cross_entropy = nn.BCELoss()


def make_generator(hidden_sizes: Sequence[int] = GENERATOR_SIZES) -> nn.Sequential:
    """Latents float32 (batch, 128) -> images float32 (batch, 784) in [-1, 1]."""
    layers: list[nn.Module] = []
    fan_in = LATENT_SIZE
    for size in hidden_sizes:
        layers += [nn.Linear(fan_in, size), nn.LeakyReLU(0.2)]
        fan_in = size
    return nn.Sequential(*layers, nn.Linear(fan_in, IMAGE_SIZE), nn.Tanh())


def make_discriminator(dropout_rate: float, hidden_sizes: Sequence[int] = DISCRIMINATOR_SIZES) -> nn.Sequential:
    """Images float32 (batch, 784) in [-1, 1] -> logits float32 (batch, 1), whose sigmoid is `Gan.judge`'s."""
    layers: list[nn.Module] = []
    fan_in = IMAGE_SIZE
    for size in hidden_sizes:
        layers += [nn.Linear(fan_in, size), nn.LeakyReLU(0.2), nn.Dropout(dropout_rate)]
        fan_in = size
    return nn.Sequential(*layers, nn.Linear(fan_in, 1))


def make_networks(hparams: Hyperparameters) -> tuple[nn.Sequential, nn.Sequential]:
    """G and D of a setting, with torch's initial weights."""
    return (
        make_generator(widened(GENERATOR_SIZES, hparams.width_multiplier)),
        make_discriminator(hparams.dropout_rate, widened(DISCRIMINATOR_SIZES, hparams.width_multiplier)),
    )


class Gan:
    """Both networks, which stay in training mode, with an Adam each; of any floating-point type, on any device.

    How float32 is multiplied is the setting's precision, for all of the process: torch knows no other way.
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
        """G: latents (batch, 128) -> images (batch, 784) in [-1, 1], of the latents' type."""
        with self._autocast(latents):
            images = self.generator(latents)
        return images.to(latents.dtype)

    def judge(self, images: Tensor) -> Tensor:
        """D in training: images (batch, 784) in [-1, 1] -> probabilities (batch,) in [0, 1], of the images' type.

        Under autocast the logits are bfloat16; the sigmoid, and every loss after it, is float32: eight bits hold no
        probability between 1 - 1/256 and 1.
        """
        with self._autocast(images):
            logits = self.discriminator(images)
        return torch.sigmoid(logits.to(images.dtype))[:, 0]

    def compile(self) -> None:
        """Send both networks through torch.compile, each with its last activation.

        `nn.Module.compile` would do nothing, and say nothing, for an `nn.Sequential`: dynamo passes over torch's own
        code, and all of such a module's `forward` is that. On a GPU the kernels are put into CUDA graphs, since
        starting them one by one takes longer than these networks' products.
        """
        _keep_to_oneself()
        on_gpu = next(self.generator.parameters()).device.type == "cuda"
        compiled = partial(torch.compile, mode="reduce-overhead" if on_gpu else None)
        self.generate, self.judge = compiled(self.generate), compiled(self.judge)

    def _autocast(self, inputs: Tensor) -> torch.autocast:
        return torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.hparams.precision == "bfloat16")


def _keep_to_oneself() -> None:
    """Have torch.compile unpickle no graphs of earlier processes, and put its programs where nobody else may write.

    Left to itself it takes both from a folder of the system's that all users share, and compiled headers, too.
    """
    inductor.cpp_cache_precompile_headers = False  # their folder cannot be chosen
    inductor.fx_graph_cache = False
    functorch.enable_autograd_cache = False
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(private_cache_folder() / "torch")


def against(probabilities: Tensor, target: float) -> Tensor:
    """BCELoss of probabilities (batch,) against one target for all: ()."""
    return binary_cross_entropy(probabilities, torch.full_like(probabilities, target))


def discriminator_step(gan: Gan, real_images: Tensor, latents: Tensor) -> Info:
    """One update of D on real images (batch, 784) in [-1, 1] and on those of latents (batch, 128)."""
    with torch.no_grad():
        fake_images = gan.generate(latents)
    real, fake = gan.judge(real_images), gan.judge(fake_images)
    loss = against(real, gan.hparams.real_target) + against(fake, gan.hparams.fake_target)
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
    """One update of G on latents (batch, 128). It leaves gradients in D, too, which D's next step clears."""
    fake = gan.judge(gan.generate(latents))
    target = gan.hparams.generator_target
    loss = -against(fake, 1 - target) if gan.hparams.loss == "saturating" else against(fake, target)
    gan.generator_optimizer.zero_grad()
    loss.backward()
    gan.generator_optimizer.step()
    return {"generator_loss": loss.detach(), "generator_gradient_norm": gradient_norm(gan.generator)}


def gradient_norm(network: nn.Module) -> Tensor:
    """Euclidean norm of the gradient over all parameters, (); scaled by the largest, so that no square underflows."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    largest = nn.utils.get_total_norm(gradients, torch.inf)
    scale = torch.where(largest > 0, largest, 1)
    return scale * nn.utils.get_total_norm([gradient / scale for gradient in gradients])


def iterate(gan: Gan, real_images: Tensor, latents: Tensor) -> Info:
    """An update of D for all but the last of the latents (steps + 1, batch, 128), on the same real images; one of G."""
    infos = [discriminator_step(gan, real_images, each) for each in latents[:-1]]
    means = {name: torch.stack([info[name] for info in infos]).mean() for name in infos[0]}
    reported = means | generator_step(gan, latents[-1])
    return {name: reported[name] for name in StepInfo._fields}


def train_epoch(gan: Gan, images: Tensor, discriminator_steps: int) -> dict[str, np.ndarray]:
    """One pass over images (n, 784) in [-1, 1] in a fresh order, an incomplete last batch left out.

    Returns what each iteration reported, (n // batch size,) under each name.
    """
    batch_size = gan.hparams.batch_size
    batches = len(images) // batch_size
    infos = []
    for indices in torch.randperm(len(images))[: batches * batch_size].view(batches, batch_size):
        latents = torch.randn(discriminator_steps + 1, batch_size, LATENT_SIZE, device=images.device)
        infos.append(iterate(gan, images[indices.to(images.device)], latents))
    return {name: torch.stack([info[name] for info in infos]).cpu().numpy() for name in infos[0]}


def params_sha256(gan: Gan) -> str:
    """The digest that two runs are compared by: of both networks' parameters."""
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return tree_sha256(
        {name: {key: value.cpu().numpy() for key, value in net.state_dict().items()} for name, net in networks.items()}
    )


def train(
    configs: Sequence[Config],
    source: RunData,
    out: Path,
    trainer_options: TrainerOptions,
    callbacks: Callbacks,
    *,
    compiled: bool,
) -> list[RunDir]:
    """`gan_jax.runs.trainer.train` in torch: one run after another, without checkpoints.

    Args:
        configs, source, out, trainer_options, callbacks: as there.
        compiled: both networks go through torch.compile.

    Raises:
        UserError: as there; also for a run that was begun and not finished, or without the compiler that
            torch.compile needs.
    """
    compiler = os.environ.get("CXX", "g++")
    require(
        not compiled or shutil.which(compiler) is not None,
        f"torch.compile needs a C++ compiler and {compiler} is not there: install it, or name another in CXX",
    )
    require_precision(configs[0].hparams, torch.cuda.is_available())
    trainer = "torch_compile" if compiled else "torch"
    with lock_pending_runs(configs, source, out, trainer_options, callbacks, trainer=trainer, resumes=False) as records:
        for record in records:
            _train(record, source, trainer_options, callbacks, compiled)
    return [RunDir(out / config.name) for config in configs]


def _train(
    record: RunRecorder, source: RunData, trainer_options: TrainerOptions, callbacks: Callbacks, compiled: bool
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
    eager_generate, eager_judge = gan.generate, gan.judge  # samples come in other numbers than the batch, and seldom
    if compiled:
        gan.compile()
    images = torch.tensor(np.asarray(to_unit_range(source.dataset.train_images)), device=device)

    @torch.no_grad()
    def generate(latents: jax.Array) -> jax.Array:
        return jnp.asarray(eager_generate(torch.tensor(np.asarray(latents), device=device)).cpu().numpy())

    @torch.no_grad()
    def judge(images: jax.Array) -> jax.Array:
        gan.discriminator.eval()
        verdicts = eager_judge(torch.tensor(np.asarray(images), device=device))
        gan.discriminator.train()
        return jnp.asarray(verdicts.cpu().numpy())

    for epoch in range(1, config.epochs + 1):
        steps, start = config.discriminator_steps.steps(epoch), time.perf_counter()
        infos = train_epoch(gan, images, steps)
        record.log_epoch(steps, infos, time.perf_counter() - start)
        record.evaluate_and_save(ModelFns(generate, judge), source, trainer_options, callbacks)
        callbacks.on_epoch_end(record.rows[-1:])
    record.finish(params_sha256(gan))
