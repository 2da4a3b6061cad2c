"""The archive of the code: what it holds, what it leaves out, and that it runs where it is unpacked."""

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from experiments.homework import code_archive
from gan_jax.errors import UserError

STRAY = (
    "experiments/runs/part_a/weights.safetensors",
    "experiments/results/notes.md",
    "experiments/.ipynb_checkpoints/gan.ipynb",
    "gan_jax/__pycache__/old.py",
    "experiments/marks.csv",
    "gan_jax/secret.pem",
    "experiments/scripts/mine.py",
)


def names_in(archive: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as code:
        return {name.removeprefix("gan_jax/") for name in code.namelist()}


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A copy of this checkout, from which the archive is made."""
    for name in (*code_archive.FILES, *code_archive.FOLDERS):
        source, copy = code_archive.ROOT / name, tmp_path / "checkout" / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
        else:
            shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("results", "__pycache__"))
    monkeypatch.setattr(code_archive, "ROOT", tmp_path / "checkout")
    return tmp_path / "checkout"


def test_untracked_files_are_left_out(checkout):
    before = code_archive.code_archive()
    for name in STRAY:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("x")
    (checkout / "gan_jax" / "elsewhere.py").symlink_to("/etc/passwd")
    assert code_archive.code_archive() == before


def test_all_of_the_code_is_in_it():
    root = code_archive.ROOT
    if not (root / ".git").exists():
        pytest.skip("no repository here that says what belongs to the code")
    listed = subprocess.run(
        ["git", "ls-files", *code_archive.FOLDERS], cwd=root, check=True, capture_output=True, text=True
    )
    kept = {name for name in listed.stdout.split() if not name.startswith(code_archive.LEFT_OUT)}
    assert names_in(code_archive.code_archive()) == kept | {*code_archive.FILES, code_archive.START_HERE}


def test_the_page_of_what_to_read_names_files_that_are_there():
    names = names_in(code_archive.code_archive())
    text = (code_archive.ROOT / "experiments" / "homework" / "start_here.md").read_text()
    read = re.findall(r"(?:gan_jax|math_checks|experiments)/[\w/]+\.py", text)
    assert len(read) == 6
    assert set(read) <= names


def test_without_a_checkout_it_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(code_archive, "ROOT", tmp_path)
    with pytest.raises(UserError, match="--zip needs the checkout"):
        code_archive.code_archive()


def test_the_code_runs_where_it_is_unpacked(tmp_path):
    """Its own modules are imported, and a command works."""
    archive = code_archive.code_archive()
    assert archive == code_archive.code_archive()
    with zipfile.ZipFile(io.BytesIO(archive)) as code:
        code.extractall(tmp_path)
        assert code.getinfo("gan_jax/run.sh").external_attr >> 16 == 0o755
    root = tmp_path / "gan_jax"

    def python(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments], cwd=root, check=True, capture_output=True, text=True
        ).stdout.strip()

    python("-m", "experiments", "sample", "--count", "4", "--out", str(tmp_path / "four.png"))
    assert (tmp_path / "four.png").stat().st_size > 500
    assert Path(python("-c", "import gan_jax; print(gan_jax.__file__)")).is_relative_to(root)
