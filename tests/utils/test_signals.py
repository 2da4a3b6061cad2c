"""SIGTERM and Ctrl-C at any moment: reported at once, right exit code, no traceback; a second one stops at once."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from experiments.commands import train
from gan_jax.runs.callbacks import Callbacks
from gan_jax.utils.interface import command_line
from gan_jax.utils.signals import StoppedError, defer_signals, notice, raise_on_signal
from tests.helpers.command import COMMAND

CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]

# A call that Python cannot interrupt, like an epoch, without the seconds that importing JAX takes.
BUSY = """
import hashlib
from gan_jax.utils.interface import command_line
from gan_jax.utils.signals import defer_signals
with defer_signals() as request:
    print("busy", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", {rounds})
print(request.signal, flush=True)
"""


def busy(rounds: int) -> subprocess.Popen:
    command = [sys.executable, "-c", BUSY.format(rounds=rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_second_signal_ends_an_uninterruptible_call(number, code):
    with busy(10**9) as process:  # a quarter of an hour
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.stderr.readline() + process.stderr.readline() == notice()
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == b""


def test_the_first_signal_is_handled_when_the_call_returns():
    with busy(10**6) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, b"15\n", notice())


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_while_libraries_are_imported(tmp_path, number, code, seconds):
    with subprocess.Popen([*COMMAND, "part_a", "--out", tmp_path], stderr=subprocess.PIPE) as process:
        time.sleep(seconds)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "code"), CODES)
def test_outside_training_a_signal_passes_handlers_of_exceptions(number, code):
    before = signal.getsignal(number)

    def library() -> None:
        with raise_on_signal(), contextlib.suppress(Exception):
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError) as stopped:
        library()
    assert stopped.value.exit_code == code
    assert signal.getsignal(number) is before


def test_the_notice_names_who_prints_it():
    assert notice().startswith(b"\ngan_jax: stopping after this epoch")
    with command_line():
        assert notice().startswith(b"\nrun.sh: stopping after this epoch")


def test_the_inner_block_handles_the_signal():
    with raise_on_signal():
        with defer_signals() as request:
            os.kill(os.getpid(), signal.SIGTERM)
        assert request.signal == signal.SIGTERM
        with pytest.raises(StoppedError):
            os.kill(os.getpid(), signal.SIGTERM)


def signalling(number: int, at: int) -> Callbacks:
    """Return callbacks that send this process a signal after an epoch, or, for 0, when training begins."""

    def send(epoch: int) -> None:
        if epoch == at:
            os.kill(os.getpid(), number)

    return Callbacks(print, lambda *_: send(0), lambda rows: send(int(rows[0]["epoch"])))


@pytest.mark.parametrize(("number", "code"), CODES)
def test_signals_before_training_and_during_the_last_figures(call, tmp_path, monkeypatch, small_archives, number, code):
    command = ["part_a", "--archives", small_archives, "--epochs", 1, "--name", "x", "--seeds", 2, "--out", tmp_path]
    monkeypatch.setattr(train, "progress_callbacks", lambda: signalling(number, 0))
    done = call(*command)
    assert done.returncode == code
    assert done.stderr == "run.sh: stopped before the first epoch: the same command resumes there\n"
    monkeypatch.setattr(train, "progress_callbacks", lambda: signalling(number, 1))
    done = call(*command)
    assert (done.returncode, done.stderr) == (code, "run.sh: stopped after x-seed_0 finished\n")
    assert (tmp_path / "x-seed_0" / "samples.gif").exists()
    assert not (tmp_path / "x-seed_1" / "config.json").exists()
