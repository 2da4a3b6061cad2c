"""Commands that use a trained generator: samples, ways between latents, and files for other programs."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from experiments.harness.options import DEFAULT_OUT, paths, whole
from experiments.harness.runtime import prepare
from gan_jax.errors import UserError, require

if TYPE_CHECKING:
    from gan_jax.inference.pretrained import TrainedGenerator

OptionalRun = Annotated[
    Path | None,
    paths(
        "A run's folder, its name in runs, or a .safetensors file that export made. By default the generator "
        "that the package ships: part_a with seed 1 after 100 epochs.",
        name="RUN",
    ),
]
Seed = Annotated[int, whole("Seed of the latents: equal seeds give equal images.")]


def sample(
    run: OptionalRun = None,
    /,
    *,
    count: Annotated[int, whole("Number of images; of more, the first are the same.")] = 64,
    seed: Seed = 0,
    out: Annotated[
        Path, paths("A .png file. By default samples.png in runs, beside run.sh.", show_default=False)
    ] = DEFAULT_OUT / "samples.png",
) -> None:
    """Samples of a trained generator in a grid; without RUN none has to be trained before."""
    _require_ending(out, ".png")
    _require_file(out)
    generator = _load(run)
    from gan_jax.inference.sampling import sample_images
    from gan_jax.plotting.image_grid import grid
    from gan_jax.runs.progress import say
    from gan_jax.utils.files import save_image

    images = sample_images(generator, count, seed)
    with _writing(out):
        save_image(out, grid(images, _columns(count)))
    say(f"{out}: {count} samples of {generator.name}")


def interpolate(
    run: OptionalRun = None,
    /,
    *,
    steps: Annotated[int, whole("Images on each way, the two ends among them.")] = 8,
    rows: Annotated[int, whole("Ways, each between two latents of its own.")] = 8,
    seed: Seed = 0,
    out: Annotated[
        Path,
        paths(
            "A .png file, a way a row, or a .gif, which goes all ways at once, there and back. "
            "By default interpolation.png in runs, beside run.sh.",
            show_default=False,
        ),
    ] = DEFAULT_OUT / "interpolation.png",
) -> None:
    """Ways from one sample to another along the sphere that latents lie on (White 2016)."""
    _require_ending(out, ".png", ".gif")
    _require_file(out)
    generator = _load(run)
    from gan_jax.inference.sampling import interpolate_images
    from gan_jax.plotting.image_grid import FRAMES_PER_SECOND, grid
    from gan_jax.runs.progress import say
    from gan_jax.utils.files import save_animation, save_image

    images = interpolate_images(generator, rows, steps, seed)
    with _writing(out):
        if out.suffix.lower() == ".gif":
            frames = [grid(step, _columns(rows)) for step in images.swapaxes(0, 1)]
            frames += frames[-2:0:-1]
            save_animation(out, frames, [1000 // FRAMES_PER_SECOND] * len(frames))
        else:
            save_image(out, grid(images.reshape(rows * steps, -1), steps))
    say(f"{out}: {rows} ways of {steps} images, of {generator.name}")


def export(
    run: OptionalRun = None,
    /,
    *,
    out: Annotated[
        Path, paths("If it ends in .safetensors, for the weights in float16; else for the program of jax.export.")
    ],
) -> None:
    """A trained generator for use elsewhere: as a program that jax runs without gan_jax, or as weights.

    jax.export.deserialize(open(FILE, "rb").read()).call(latents) makes images float32 (n, 784) in [-1, 1] of latents
    float32 (n, 128), any n, on CPUs, NVIDIA GPUs and TPUs.
    """
    _require_file(out)
    generator = _load(run)
    from gan_jax.inference.export import export_stablehlo
    from gan_jax.inference.pretrained import write_generator
    from gan_jax.runs.progress import say
    from gan_jax.utils.files import atomic_path

    if out.suffix.lower() == ".safetensors":
        with _writing(out):
            write_generator(out, generator)
    else:
        program = export_stablehlo(generator)
        with _writing(out), atomic_path(out) as temporary:
            temporary.write_bytes(program)
    say(f"{out}: {generator.name}, {out.stat().st_size / 1e6:.1f} MB")


def _load(run: Path | None) -> "TrainedGenerator":
    prepare()
    from gan_jax.inference.pretrained import load_generator

    return load_generator(run if run is None or run.exists() else DEFAULT_OUT / run)


def _columns(count: int) -> int:
    """Choose the columns of a grid that is about as high as it is wide."""
    return math.ceil(math.sqrt(count))


def _require_ending(path: Path, *endings: str) -> None:
    require(path.suffix.lower() in endings, f"--out must end in {' or '.join(endings)}, not {path.name!r}")


def _require_file(path: Path) -> None:
    """Refuse to put a file in the place of a device or a folder."""
    require(path.is_file() or not path.exists(), f"--out names a file, and {path} is none")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
