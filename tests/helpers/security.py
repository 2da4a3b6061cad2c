"""Runs a user's commands while every unpickling, code made from data and use of the network is recorded.

    python tests/helpers/security.py ARCHIVES OUT      ends stderr with a JSON list of what was recorded

A run needs none of the three unless it is given the name of data that are not in the cache.
"""

import json
import pickle
import socket
import sys

NOTED = []
EVENTS = (
    "pickle.find_class",  # pickle and what is built on it: shelve, joblib, torch.load, numpy.load
    "marshal.load",  # reading a file; imports use marshal.loads
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "urllib.Request",
)


def note(event: str, arguments: tuple) -> None:
    if event in EVENTS:
        NOTED.append(f"{event}: {arguments!r:.200}")


def main(archives: str, out: str) -> None:
    sys.addaudithook(note)

    from experiments.cli import app
    from gan_jax.data.datasets import load
    from gan_jax.inference import pretrained
    from gan_jax.training import apply_fns, state
    from tests.helpers.narrow import networks

    def run(*arguments: str) -> None:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        assert not status, arguments

    apply_fns.networks = state.networks = pretrained.networks = networks  # what is trained does not matter here
    load("mnist")  # prepares the data
    options = ["--archives", archives, "--out", out]
    run("part_a", *options, "--epochs", "1")
    run("part_a", *options, "--epochs", "2")
    run("compare", f"{out}/part_a-archives", "--out", out)
    run("verify", f"{out}/part_a-archives", "--archives", archives)
    found = list(NOTED)

    pickle.loads(pickle.dumps(main))
    socket.getaddrinfo("127.0.0.1", 80)
    assert len(NOTED) == len(found) + 2, "the hook notes nothing"
    json.dump(found, sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
