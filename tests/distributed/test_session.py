"""Distributed runs: two processes on the loopback address train one run and end together whatever happens."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gan_jax.distributed.process_spec import ProcessSpec, resolve_process_spec
from gan_jax.runs.run_dir import RunDir
from tests.helpers.command import COMMAND, Done, contents, free_port, run

pytestmark = pytest.mark.usefixtures("optimized")  # the promise of equal bits is for programs compiled as for users
GO_ON = "The same commands resume from the last checkpoint"
STEP = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_NODELIST": "node[1-2]",
    "SLURM_NTASKS": "2",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "0",
}


@pytest.mark.parametrize(
    ("options", "environment", "host"),
    [
        ((None, None, None), {}, None),
        ((None, 1, None), {}, None),
        (("a:1", 1, 0), {}, None),
        (("a:1", 2, 1), {}, ProcessSpec(1, 2, ("a", 1))),
        (("[::1]:80", 3, 0), {}, ProcessSpec(0, 3, ("::1", 80))),
        ((None, None, None), STEP, ProcessSpec(1, 2)),
        ((None, 1, None), STEP, None),  # each task trains on its own
        (("a:1", 2, 0), STEP, ProcessSpec(0, 2, ("a", 1))),  # options take precedence over SLURM's variables
        ((None, None, None), STEP | {"SLURM_NTASKS": "1"}, None),
        ((None, None, None), STEP | {"SLURM_NTASKS": "x"}, None),
        ((None, None, None), STEP | {"SLURM_NTASKS": "9" * 5000}, None),
        (("a:1", 2, 0), STEP | {"SLURM_PROCID": "x"}, ProcessSpec(0, 2, ("a", 1))),
        ((None, None, None), {name: STEP[name] for name in STEP if name != "SLURM_STEP_NODELIST"}, None),  # no step
    ],
)
def test_process_spec_from_options_and_slurm(options: tuple[str | None, int | None, int | None], environment, host):
    assert resolve_process_spec(*options, environment) == host


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--coordinator-address", "a:1"], "all three"),
        (["--num-processes", 2], "all three"),
        (["--process-id", 0], "all three"),
        (["--coordinator-address", "a", "--num-processes", 2, "--process-id", 0], "must be HOST:PORT"),
        (["--coordinator-address", "a:", "--num-processes", 2, "--process-id", 0], "must be HOST:PORT"),
        (["--coordinator-address", "a:0", "--num-processes", 2, "--process-id", 0], "must be HOST:PORT"),
        (["--coordinator-address", "a:65536", "--num-processes", 2, "--process-id", 0], "must be HOST:PORT"),
        (["--coordinator-address", "::1", "--num-processes", 2, "--process-id", 0], "must be HOST:PORT"),
        (
            ["--coordinator-address", "a:1", "--num-processes", 2, "--process-id", 2],
            "from 0 to 1 with --num-processes 2, not 2",
        ),
        (
            ["--coordinator-address", "a:1", "--num-processes", 2, "--process-id", -1],
            "from 0 to 1 with --num-processes 2, not -1",
        ),
        (["--coordinator-address", "a:1", "--num-processes", 0, "--process-id", 0], "from 1 to 4096, not 0"),
        (
            ["--coordinator-address", "a.invalid:1", "--num-processes", 2, "--process-id", 1],
            "could not connect to the other processes at a.invalid:1",
        ),
        (["--platform", "abacus"], "--platform"),
    ],
)
def test_invalid_process_options_are_one_line(call, tmp_path, options, message):
    done = call("train", "--out", tmp_path / "runs", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not contents(tmp_path)


@pytest.mark.parametrize("task", ["x", "", "-1", "2", "1.0", "\N{SUPERSCRIPT TWO}", "9" * 5000])
def test_invalid_slurm_variables_are_one_line(call, tmp_path, monkeypatch, task):
    for name, value in (STEP | {"SLURM_PROCID": task}).items():
        monkeypatch.setenv(name, value)
    done = call("train", "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert "SLURM_PROCID must be from 0 to 1 with SLURM_NTASKS 2, not " in done.stderr
    assert done.stderr.count("\n") == 1
    assert not contents(tmp_path)


Start = Callable[..., list[subprocess.Popen[str]]]


@pytest.fixture(scope="module")
def start(small_archives) -> Start:
    """Start two processes that train part_a's configuration on small archives."""
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError as error:  # gloo resolves this machine's name
        pytest.skip(f"this machine's own name, {socket.gethostname()}, has no address here: {error}")

    def start(
        out: Path,
        epochs: int = 500,
        extra_of_both: tuple[object, ...] = (),
        extra_of_process_1: tuple[object, ...] = (),
        host_0: Sequence[object] = COMMAND,
    ) -> list[subprocess.Popen[str]]:
        options = ("train", "--archives", small_archives, "--epochs", epochs, "--checkpoint-every", 1, "--out", out)
        address = f"127.0.0.1:{free_port()}"
        where = ("--name", "two", "--coordinator-address", address, "--num-processes", 2, "--process-id")
        return [
            subprocess.Popen(
                [*map(str, (*command, *options, *where, index, *extra_of_both, *extra))],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"KILLED_WITH": str(signal.SIGTERM.value)},
            )
            for index, (command, extra) in enumerate(((host_0, ()), (COMMAND, extra_of_process_1)))
        ]

    return start


def wait_for(hosts: list[subprocess.Popen[str]], seconds: float = 240) -> list[Done]:
    """Wait for both processes and return how they ended, which on a busy machine may take minutes."""
    found = []
    for host in hosts:
        try:
            stdout, stderr = host.communicate(timeout=seconds)
        finally:
            for other in hosts:
                if host.returncode is None:
                    other.kill()
        found.append(Done(host.returncode, stdout, stderr))
    return found


def wait_for_an_epoch(hosts: list[subprocess.Popen[str]]) -> None:
    assert hosts[0].stdout is not None
    for line in hosts[0].stdout:
        if line.startswith("epoch "):
            return
    pytest.fail("\n".join(host.communicate()[1] for host in hosts))


def last_line(done: Done) -> str:
    return done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def killed(start, out) -> list[Done]:
    hosts = start(out)
    wait_for_an_epoch(hosts)
    hosts[1].kill()
    return wait_for(hosts, 60)


@pytest.fixture(scope="module")
def finished(start, out, killed) -> list[Done]:
    return wait_for(start(out, epochs=len(RunDir(out / "two").read_rows()) + 1))


def test_the_death_of_one_process_ends_the_others(killed):
    assert killed[1].returncode == -signal.SIGKILL
    assert killed[0].returncode not in (0, 2)
    assert last_line(killed[0]).startswith("run.sh: error: process 0 of 2 ")
    assert "another process is gone" in last_line(killed[0])
    assert GO_ON in last_line(killed[0])


def test_two_processes_equal_one_process_with_two_devices_bit_for_bit(out, finished, small_archives):
    assert [done.returncode for done in finished] == [0, 0]
    assert "resuming after epoch" in finished[0].stdout
    manifest = RunDir(out / "two").read_manifest()
    digest = manifest["params_sha256"]
    assert (manifest["device_count"], manifest["host_count"]) == (2, 2)
    assert finished[0].stdout.endswith(f"SHA-256 of the parameters: {digest}\n")
    waiting, message = finished[1].stdout.splitlines()
    assert waiting == "process 1 of 2: waiting for the others, up to 45 s"
    assert message == f"process 1: two: SHA-256 of the parameters: {digest}"
    options = ("--archives", small_archives, "--epochs", manifest["epochs"], "--name", "one", "--devices", 2)
    done = run("train", *options, "--out", out, JAX_NUM_CPU_DEVICES="2")
    assert done.returncode == 0, done.stderr
    assert RunDir(out / "one").read_manifest()["params_sha256"] == digest


def signalled(files: str, epochs: int) -> list[object]:
    """Return a command that gets SIGTERM when it first writes a matching file after this many epochs."""
    return [sys.executable, "-m", "tests.helpers.killed", files, epochs, 1]


@pytest.mark.slow
def test_a_signal_while_the_last_figures_are_drawn_ends_all_before_the_next_seed(start, tmp_path):
    """Only process 0 gets the signal, while process 1 has nothing left to do for this seed."""
    both = wait_for(start(tmp_path, 1, ("--seeds", 2), host_0=signalled(r"samples\.gif$", 1)))
    for done in both:
        assert (done.returncode, last_line(done)) == (143, "run.sh: stopped after two-seed_0 finished")
    assert "params_sha256" in RunDir(tmp_path / "two-seed_0").read_manifest()
    assert not (tmp_path / "two-seed_1" / "config.json").exists()


@pytest.mark.slow
def test_a_signal_before_training_stops_all(start, tmp_path):
    both = wait_for(start(tmp_path, host_0=signalled(r"/\.partial-.*-config\.json$", 0)))
    for done in both:
        message = "run.sh: stopped before the first epoch: the same command resumes there"
        assert (done.returncode, last_line(done)) == (143, message)


@pytest.mark.slow
def test_a_diverged_seed_ends_all_processes_after_the_other_seeds(start, tmp_path):
    both = wait_for(start(tmp_path, 2, ("--seeds", 2, "--learning-rate", "1e30")))
    for done in both:
        assert done.returncode == 2
        assert "two-seed_0 diverged: " in last_line(done)
        assert "two-seed_1 diverged: " in last_line(done)
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_deleted_run_directory_ends_all(start, tmp_path):
    hosts = start(tmp_path)
    wait_for_an_epoch(hosts)
    (tmp_path / "two").rename(tmp_path / "moved")
    for done in wait_for(hosts):
        assert done.returncode == 2
        assert "was deleted or moved while it was in use" in last_line(done)


@pytest.mark.slow
def test_a_signal_to_one_stops_all_after_the_same_epoch(start, tmp_path):
    hosts = start(tmp_path)
    wait_for_an_epoch(hosts)
    hosts[1].send_signal(signal.SIGTERM)
    both = wait_for(hosts)
    assert [done.returncode for done in both] == [143, 143]
    epoch = len(RunDir(tmp_path / "two").read_rows())
    assert (tmp_path / "two" / "checkpoints" / f"epoch_{epoch:03d}.safetensors").is_file()
    for done in both:
        assert last_line(done) == f"run.sh: stopped after epoch {epoch} of 500: the same command resumes there"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra_of_process_1", "message"),
    [
        (("--learning-rate", "1e-3"), "learning_rate is 0.001 on process 1, 0.0002 on process 0"),
        (("--devices", "1"), "devices is 1 on process 1, 2 on process 0"),
    ],
)
def test_processes_with_different_arguments_all_end(start, tmp_path, extra_of_process_1, message):
    both = wait_for(start(tmp_path / "runs", extra_of_process_1=extra_of_process_1))
    for done in both:
        assert (done.returncode, done.stderr) == (2, f"run.sh: error: {message}\n")
    assert not contents(tmp_path)


@pytest.mark.slow
def test_an_error_on_process_0_ends_all(start, tmp_path):
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "thesis.txt").write_text("years of work")
    both = wait_for(start(tmp_path))
    assert [done.returncode for done in both] == [2, 2]
    assert f"{tmp_path / 'two'} exists and is not a run directory" in both[0].stderr
    assert both[1].stderr == both[0].stderr.replace("error: ", "error: process 0: ")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_dies_or_freezes_ends_the_others_within_a_minute(start, tmp_path, victim, number):
    hosts = start(tmp_path)
    wait_for_an_epoch(hosts)
    hosts[victim].send_signal(number)
    other = hosts[1 - victim]
    try:
        _, errors = other.communicate(timeout=60)
    finally:
        for host in hosts:
            host.kill()
    assert other.returncode not in (0, 2)
    assert "another process is gone" in errors.splitlines()[-1]
