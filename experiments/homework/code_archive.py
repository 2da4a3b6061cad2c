"""The code as an archive to hand in: all files that the homework needs, and a page that says what to read."""

import io
import zipfile
from pathlib import Path

from gan_jax.errors import require

ROOT = Path(__file__).parents[2]
START_HERE = "START_HERE.md"
FILES = ("run.sh", "pyproject.toml", "requirements.lock", "LICENSE")
FOLDERS = ("gan_jax", "math_checks", "experiments")
ENDINGS = (".py", ".typ", ".ipynb", ".js", ".css", ".html", ".gz", ".safetensors", ".md", ".toml", "LICENSE")
LEFT_OUT = ("experiments/results", "experiments/runs", "experiments/scripts")  # shown in the report, or for developers
INTO = "gan_jax"  # the directory that it unpacks into


def code_archive() -> bytes:
    """Make the zip file. It holds no times, so that equal code gives equal bytes.

    Raises:
        UserError: if the package was installed without its checkout.
    """
    require(all((ROOT / name).is_file() for name in FILES), "--zip needs the checkout, which is not here")
    found = [path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        named = {inside.as_posix(): ROOT / inside for inside in [*map(Path, FILES), *filter(_belongs, found)]}
        named[START_HERE] = Path(__file__).with_name("start_here.md")
        for name, path in sorted(named.items()):
            entry = zipfile.ZipInfo(f"{INTO}/{name}")
            content = path.read_bytes()
            entry.external_attr = (
                0o755 if content.startswith(b"#!") else 0o644
            ) << 16  # whatever the modes in this checkout are
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _belongs(inside: Path) -> bool:
    """Tell whether a path is a file of the code, by its ending and its directories."""
    hidden = any(part == "__pycache__" or part.startswith(".") for part in inside.parts)
    left_out = any(inside.is_relative_to(folder) for folder in LEFT_OUT)
    path = ROOT / inside
    return not hidden and not left_out and inside.name.endswith(ENDINGS) and path.is_file() and not path.is_symlink()
