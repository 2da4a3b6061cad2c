"""./run.sh verify: trains a run again and compares it with itself."""

import tempfile
from pathlib import Path
from typing import Annotated

from experiments.harness.options import DEFAULT_OUT, Out, PlatformOption, RunOptions, paths, run_path, whole
from experiments.harness.runtime import prepare, started
from gan_jax.config import ARCHIVES_DATASET
from gan_jax.errors import require
from gan_jax.utils.signals import StoppedError


def verify(
    run: Annotated[Path, paths("Run directory, or its name in --out.", name="RUN")],
    /,
    *,
    out: Out = DEFAULT_OUT,
    since: Annotated[int, whole("Epoch of the checkpoint to start from. 0: start from the beginning.")] = 0,
    archives: Annotated[Path | None, paths("Directory of the archives, if the run was trained on archives.")] = None,
    classifier: Annotated[Path | None, paths("Classifier of the run's evaluations, if not the shipped one.")] = None,
    platform: PlatformOption = None,
) -> int:
    """Train a run again from its own configuration and compare it bit for bit; exit with 1 if anything differs."""
    with started(RunOptions(platform=platform, num_processes=1)):
        prepare(platform)
        return _verify(run_path(run, out), archives, classifier, since)


def _verify(path: Path, archives: Path | None, classifier: Path | None, since: int) -> int:
    from experiments.harness.inputs import run_data_of
    from experiments.harness.progress import progress_callbacks, say
    from gan_jax.runs.run_dir import RunDir
    from gan_jax.runs.verify import environment_diff, read_reference_run, retrain

    original = read_reference_run(RunDir(path))
    dataset = original.config.dataset
    own = dataset == ARCHIVES_DATASET
    require(own or archives is None, f"{path} was trained on {dataset}: leave out --archives")
    require(not own or archives is not None, f"{path} was trained on archives: name their directory with --archives")
    data = run_data_of(RunOptions(dataset=None if own else dataset, archives=archives, classifier=classifier))
    changed = environment_diff(original.manifest)
    for line in changed:
        say(f"not as it was: {line}")
    say(f"{path} is trained again in a temporary directory, under its seed's name")
    with tempfile.TemporaryDirectory(prefix="gan_jax-verify-") as scratch:
        try:
            found = retrain(original, data, Path(scratch), progress_callbacks(), since)
        except StoppedError as error:
            error.args = ("stopped before the end: nothing was compared",)
            raise
    for line in found.differences:
        say(f"differs: {line}")
    if found.differences:
        reason = (
            "They depend on what is not as it was, above." if changed else "No change of the environment explains it."
        )
        say(f"Not the same bits. {reason}")
        return 1
    epochs = f"epochs {since + 1} to {original.epochs}"
    say(f"The same bits: {found.values} metrics of {epochs}, and the parameters after them")
    say(f"SHA-256 of the parameters: {original.params_sha256}")
    return 0
