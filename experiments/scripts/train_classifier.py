"""Train the MNIST classifier whose weights the package ships, and print its accuracy and digest.

    python -m experiments.scripts.train_classifier [FILE]    about 8 minutes on one CPU core; needs the `torch` extra

Tests and runs only load the weights. Training is in torch because XLA's backward convolutions are slow on CPUs. For use
in JAX, batch normalization is folded into the convolutions, and the weights are stored in float16 in flax's layout. The
printed accuracy is that of the stored file, as the package loads and applies it. The test set is used only there: no
epoch, seed or hyperparameter was chosen by it.
"""

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gan_jax.data.datasets import ARCHIVES, load_archives
from gan_jax.data.pixels import to_unit_range
from gan_jax.evaluation.classifier import CONVOLUTIONS, FEATURES, WEIGHTS, classify, load_classifier

SEED = 0
EPOCHS = 16
BATCH = 200
PEAK_LEARNING_RATE = 4e-3
WEIGHT_DECAY = 2e-2
DROPOUT = 0.2
SIDE = 28 // math.prod(convolution.stride for convolution in CONVOLUTIONS)  # of the last convolution's output


def build_network() -> nn.Sequential:
    """Build the architecture of `gan_jax.evaluation.classifier`, with batch normalization and dropout for training."""
    layers: list[nn.Module] = []
    channels = 1
    for convolution in CONVOLUTIONS:
        size, stride = convolution.size, convolution.stride
        layers += [
            nn.Conv2d(channels, convolution.channels, size, stride, padding=size // 2, bias=False),
            nn.BatchNorm2d(convolution.channels),
            nn.ReLU(),
        ]
        channels = convolution.channels
    layers += [nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(channels * SIDE * SIDE, FEATURES), nn.ReLU()]
    layers += [nn.Dropout(DROPOUT), nn.Linear(FEATURES, 10)]
    return nn.Sequential(*layers)


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Distort images float32 (batch, 1, 28, 28) in [0, 1] at random, with black outside.

    Uniform rotations up to 12 degrees, shears and scalings up to 10 %, shifts up to 2 pixels, and a smooth random
    displacement of under a pixel (Simard, Steinkraus and Platt 2003).
    """
    batch = len(images)

    def uniform(bound: float) -> Tensor:
        return (2 * torch.rand(batch, generator=generator) - 1) * bound

    angle, shear = uniform(math.radians(12)), uniform(0.1)
    width, height = torch.exp(uniform(0.1)), torch.exp(uniform(0.1))
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = [width * cosine, width * (shear * cosine - sine), uniform(2 / 14)]
    rows += [height * sine, height * (shear * sine + cosine), uniform(2 / 14)]
    grid = functional.affine_grid(torch.stack(rows, 1).view(batch, 2, 3), list(images.shape), align_corners=False)
    coarse = torch.randn((batch, 2, 5, 5), generator=generator) * (0.8 / 14)
    smooth = functional.interpolate(coarse, (28, 28), mode="bicubic", align_corners=False)
    return functional.grid_sample(images, grid + smooth.permute(0, 2, 3, 1), align_corners=False)


def train(network: nn.Sequential, images: np.ndarray, labels: np.ndarray) -> None:
    """Minimize the cross-entropy on distorted images, in place, by AdamW with a one-cycle learning rate."""
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # twice as fast; torch's stub lags
    generator = torch.Generator().manual_seed(SEED)
    inputs = torch.from_numpy(images.copy()).view(-1, 1, 28, 28)
    targets = torch.from_numpy(labels.astype(np.int64))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = len(inputs) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=EPOCHS * steps)
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for batch in torch.randperm(len(inputs), generator=generator).split(BATCH):
            distorted = distort(inputs[batch] / 255, generator)
            loss = functional.cross_entropy(network(2 * distorted - 1), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}/{EPOCHS}: training loss {total / steps:.4f}", flush=True)


def to_flax(network: nn.Sequential) -> dict[str, np.ndarray]:
    """Convert a network in eval mode to float16 weights in the layout of `load_classifier`, normalization folded in."""
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm2d)]
    features, logits = [layer for layer in network if isinstance(layer, nn.Linear)]
    weights: dict[str, Tensor] = {}
    for index, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
        folded = fuse_conv_bn_eval(convolution, norm).state_dict()
        # torch keeps (out, in, row, column), flax (row, column, in, out).
        weights[f"convolution_{index}.kernel"] = folded["weight"].permute(2, 3, 1, 0)
        weights[f"convolution_{index}.bias"] = folded["bias"]
    # torch flattens (channel, row, column), flax (row, column, channel).
    grid = features.weight.unflatten(1, (convolutions[-1].out_channels, SIDE, SIDE))
    weights["features.kernel"], weights["features.bias"] = grid.permute(2, 3, 1, 0).flatten(0, 2), features.bias
    weights["logits.kernel"], weights["logits.bias"] = logits.weight.T, logits.bias
    return {name: np.ascontiguousarray(value.detach().numpy(), np.float16) for name, value in weights.items()}


def main(destination: Path) -> None:
    """Train, store at `destination`, load as the package does, and print accuracy, size and digest."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # so that the order of summation, and with it the weights, does not depend on load
    network = build_network()
    data = load_archives(ARCHIVES)
    train(network.train(), data.train_images, data.train_labels)
    save_file(to_flax(network.eval()), destination)

    parameters = load_classifier(destination)
    _, logits = classify(parameters, to_unit_range(data.test_images))
    accuracy = np.mean(np.argmax(logits, axis=1) == data.test_labels)
    print(f"test accuracy {accuracy:.2%} (n = {len(data.test_labels)}), {destination.stat().st_size} bytes")
    print(f"SHA-256 {hashlib.sha256(destination.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS)
