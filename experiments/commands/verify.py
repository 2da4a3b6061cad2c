"""./run.sh verify: retrains a run and compares the result with the original."""

import tempfile
from pathlib import Path
from typing import Annotated

from experiments.harness.options import DEFAULT_OUT, Out, PlatformOption, Plugins, RunOptions, paths, whole
from experiments.harness.plugins import load_plugins
from experiments.harness.runtime import jax_session, prepare
from gan_jax.config import ARCHIVES_DATASET
from gan_jax.errors import require
from gan_jax.utils.signals import StoppedError


def verify(
    run: Annotated[Path, paths("Run directory, or its name in --out.", name="RUN")],
    /,
    *,
    out: Out = DEFAULT_OUT,
    since: Annotated[int, whole("Epoch of the checkpoint to start from; 0: retrain from scratch.")] = 0,
    archives: Annotated[Path | None, paths("Directory of the IDX archives, for a run trained with --archives.")] = None,
    classifier: Annotated[
        Path | None, paths("Weights (.safetensors) of the classifier, for a run trained with --classifier.")
    ] = None,
    plugin: Plugins = None,
    platform: PlatformOption = None,
) -> int:
    """Retrain a run from its configuration and compare bit for bit; the exit status is 1 if anything differs."""
    load_plugins(plugin)
    with jax_session(RunOptions(platform=platform, num_processes=1)):
        prepare(platform)
        from gan_jax.runs.find_run import find_run

        return _verify(find_run(run, out), archives, classifier, since)


def _verify(path: Path, archives: Path | None, classifier: Path | None, since: int) -> int:
    from experiments.harness.inputs import run_data_of
    from gan_jax.runs.progress import progress_callbacks, say
    from gan_jax.runs.run_dir import RunDir
    from gan_jax.runs.verify import environment_diff, read_reference_run, require_since, retrain

    original = read_reference_run(RunDir(path))
    dataset = original.config.dataset
    own = dataset == ARCHIVES_DATASET
    require(own or archives is None, f"{path} was trained on {dataset}: do not pass --archives")
    require(not own or archives is not None, f"{path} was trained on archives: pass their directory with --archives")
    require_since(original, since)
    data = run_data_of(RunOptions(dataset=None if own else dataset, archives=archives, classifier=classifier))
    changed = environment_diff(original.manifest)
    for line in changed:
        say(f"environment changed: {line}")
    say(f"retraining {path} in a temporary directory as seed_{original.config.seed}")
    with tempfile.TemporaryDirectory(prefix="gan_jax-verify-") as scratch:
        try:
            found = retrain(original, data, Path(scratch), progress_callbacks(), since)
        except StoppedError as error:
            error.args = ("stopped before the end: nothing was compared",)
            raise
    for line in found.differences:
        say(f"differs: {line}")
    if found.differences:
        changes = "The environment changed (see above), which may explain it."
        say(f"Results differ. {changes if changed else 'No change of the environment explains it.'}")
        return 1
    epochs = f"epochs {since + 1} to {original.epochs}"
    say(f"Bitwise identical: {found.values} metrics of {epochs}, and the parameters after epoch {original.epochs}")
    say(f"SHA-256 of the parameters: {original.params_sha256}")
    return 0
