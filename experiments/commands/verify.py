"""A run against itself: trained again, and what came of it told."""

import tempfile
from pathlib import Path

from experiments.harness.inputs import source_of
from experiments.harness.options import RunOptions
from experiments.harness.progress import progress_callbacks, say
from gan_jax.config import ARCHIVES_DATASET
from gan_jax.errors import require
from gan_jax.runs.run_dir import RunDir
from gan_jax.runs.verify import environment_diff, read_reference_run, retrain
from gan_jax.utils.signals import StoppedError


def verify_run(path: Path, archives: Path | None, classifier: Path | None, since: int) -> int:
    """Train the run at `path` again in a temporary folder and tell whether all bits are the same.

    Args:
        path: a run's folder; nothing in it is changed.
        archives: what it was trained on, if that were archives.
        classifier: what its samples were measured with, if that was not the shipped one.
        since: the epoch of one of its checkpoints to start at, or 0.

    Returns:
        The exit status: 0, or 1 if anything differs.
    """
    original = read_reference_run(RunDir(path))
    dataset = original.config.dataset
    own = dataset == ARCHIVES_DATASET
    require(own or archives is None, f"{path} was trained on {dataset}: leave out --archives")
    require(not own or archives is not None, f"{path} was trained on archives: name their folder with --archives")
    source = source_of(RunOptions(dataset=None if own else dataset, archives=archives, classifier=classifier))
    changed = environment_diff(original.manifest)
    for line in changed:
        say(f"not as it was: {line}")
    say(f"{path} is trained again in a temporary folder, under its seed's name")
    with tempfile.TemporaryDirectory(prefix="gan_jax-verify-") as scratch:
        try:
            found = retrain(original, source, Path(scratch), progress_callbacks(), since)
        except StoppedError as error:
            error.args = ("stopped before the end: nothing was compared",)
            raise
    for line in found.differences:
        say(f"differs: {line}")
    if found.differences:
        reason = "They depend on what is not as it was, above." if changed else "Nothing told here explains it."
        say(f"Not the same bits. {reason}")
        return 1
    epochs = f"epochs {since + 1} to {original.epochs}"
    say(f"The same bits: {found.values} metrics of {epochs}, and the parameters after them")
    say(f"SHA-256 of the parameters: {original.params_sha256}")
    return 0
