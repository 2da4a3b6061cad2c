"""Commands that use a trained generator: samples, interpolations, and files for other programs."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments.harness.options import DEFAULT_OUT, Plugins, paths, whole
from experiments.harness.plugins import load_plugins
from experiments.harness.runtime import prepare
from gan_jax.errors import UserError, require
from gan_jax.types import DEFAULT_PRETRAINED, Pretrained

if TYPE_CHECKING:
    from gan_jax.inference.pretrained import TrainedGenerator

OptionalRun = Annotated[
    Path | None,
    paths(
        "Run directory, its name in runs, or a .safetensors file written by export. Default: the shipped generator "
        "that --pretrained names.",
        name="RUN",
    ),
]
PretrainedOption = Annotated[
    Pretrained,
    Parameter(help="Shipped generator (100 epochs): part_best's (seed 0), or part_a's (seed 1) for comparison."),
]
Seed = Annotated[int, whole("Seed of the latents: equal seeds give equal images.")]


def sample(
    run: OptionalRun = None,
    /,
    *,
    pretrained: PretrainedOption = DEFAULT_PRETRAINED,
    count: Annotated[int, whole("Number of images; a larger count starts with the same images.")] = 64,
    seed: Seed = 0,
    out: Annotated[
        Path,
        paths(
            "The .png file to write; its directory is created. Default: samples.png in runs, beside run.sh.",
            show_default=False,
        ),
    ] = DEFAULT_OUT / "samples.png",
    plugin: Plugins = None,
) -> None:
    """Draw samples of a trained generator in a grid. RUN defaults to a shipped generator."""
    _require_ending(out, ".png")
    _require_file(out)
    generator = _load(run, pretrained, plugin)
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
    pretrained: PretrainedOption = DEFAULT_PRETRAINED,
    steps: Annotated[int, whole("Images on each path, including both ends.")] = 8,
    rows: Annotated[int, whole("Paths, each between two latents.")] = 8,
    seed: Seed = 0,
    out: Annotated[
        Path,
        paths(
            "The .png file, with one path per row, or .gif that plays all paths forwards and backwards. "
            "Default: interpolation.png in runs, beside run.sh.",
            show_default=False,
        ),
    ] = DEFAULT_OUT / "interpolation.png",
    plugin: Plugins = None,
) -> None:
    """Interpolate spherically between random latents (slerp, White 2016)."""
    _require_ending(out, ".png", ".gif")
    _require_file(out)
    generator = _load(run, pretrained, plugin)
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
    say(f"{out}: {rows} paths of {steps} images, of {generator.name}")


def export(
    run: OptionalRun = None,
    /,
    *,
    pretrained: PretrainedOption = DEFAULT_PRETRAINED,
    out: Annotated[
        Path | None,
        paths(
            "File to write: the weights in float16 if it ends in .safetensors, else a serialized jax.export program "
            "(StableHLO)."
        ),
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Export a trained generator, as weights or as a program that needs jax but not gan_jax.

    jax.export.deserialize(open(FILE, "rb").read()).call(latents) maps latents float32 (n, 128), for any n, to images
    float32 (n, 784) in [-1, 1], on CPUs, NVIDIA GPUs and TPUs.
    """
    if out is None:
        kinds = "--out generator.safetensors for the weights, --out generator.bin for a program that draws images"
        raise UserError(f"export needs the file to write: {kinds}")
    _require_file(out)
    generator = _load(run, pretrained, plugin)
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


def _load(run: Path | None, pretrained: Pretrained, plugin: list[Path] | None) -> "TrainedGenerator":
    require(run is None or pretrained == DEFAULT_PRETRAINED, "give either a RUN or --pretrained, not both")
    load_plugins(plugin)
    prepare()
    from gan_jax.inference.pretrained import load_generator
    from gan_jax.runs.find_run import find_run

    return load_generator(None if run is None else find_run(run, DEFAULT_OUT), pretrained)


def _columns(count: int) -> int:
    """Return the number of columns of a grid that is about square."""
    return math.ceil(math.sqrt(count))


def _require_ending(path: Path, *endings: str) -> None:
    require(path.suffix.lower() in endings, f"--out must end in {' or '.join(endings)}, not {path.name!r}")


def _require_file(path: Path) -> None:
    """Refuse to replace a device or a directory."""
    require(path.is_file() or not path.exists(), f"--out must name a file, and {path} is not one")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say which directory is created, if one is, as by every command with --out, and refuse what cannot be written."""
    from gan_jax.runs.progress import say

    created = not path.parent.exists()
    try:
        yield
        if created:
            say(f"created the directory {path.parent}")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
