"""Grids of images as arrays, and the frames of an animation of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from gan_jax.data.pixels import to_bytes

FRAMES_PER_SECOND = 8


def grid(images: ArrayLike, columns: int = 8, gap: int = 2) -> np.ndarray:
    """Arrange images in rows with dark gray gaps; the last row may be shorter.

    Args:
        images: float32 (n, 784) in [-1, 1], or (n, 784 channels); channels are shown side by side.
        columns: images in a row.
        gap: pixels between images and around them.

    Returns:
        uint8 (height, width).
    """
    images = np.asarray(images)
    channels = images.shape[1] // (28 * 28)
    pixels = to_bytes(images).reshape(-1, channels, 28, 28).swapaxes(1, 2).reshape(-1, 28, channels * 28)
    rows, width = -(-len(pixels) // columns), channels * 28
    canvas = np.full((rows * (28 + gap) + gap, columns * (width + gap) + gap), 64, np.uint8)
    for index, image in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = gap + row * (28 + gap), gap + column * (width + gap)
        canvas[top : top + 28, left : left + width] = image
    return canvas


def labeled_frames(frames: Sequence[np.ndarray], epochs: Sequence[int]) -> list[np.ndarray]:
    """Write beneath each grid, uint8 (height, width), its epoch: the frames of an animation."""
    strip = 16
    labeled = []
    for frame, epoch in zip(frames, epochs, strict=True):
        image = Image.new("L", (frame.shape[1], frame.shape[0] + strip), 64)
        image.paste(Image.fromarray(frame), (0, 0))
        ImageDraw.Draw(image).text((4, frame.shape[0] + 1), f"epoch {epoch}", fill=255)
        labeled.append(np.asarray(image))
    return labeled
