"""Processes that rendezvous on the loopback address."""

import re
import socket
import threading

import pytest

from gan_jax.distributed.rendezvous import rendezvous
from gan_jax.errors import UserError
from tests.helpers.command import free_port


def rendezvous_errors(seconds: float, *hosts: tuple[int, int]) -> list[str]:
    """Return each process's error, empty if none, for a rendezvous of (index, count) on the loopback address."""
    port, found = free_port(), [""] * len(hosts)

    def attend(place: int) -> None:
        try:
            rendezvous(*hosts[place], "127.0.0.1", port, seconds)
        except UserError as error:
            found[place] = str(error)

    threads = [threading.Thread(target=attend, args=(place,)) for place in range(len(hosts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_rendezvous_succeeds_or_reports_the_disagreement():
    assert rendezvous_errors(20, (1, 3), (2, 3), (0, 3)) == ["", "", ""]
    assert rendezvous_errors(20, (0, 2), (1, 3)) == ["--num-processes is 3 on process 1, 2 on process 0"] * 2
    assert rendezvous_errors(20, (0, 3), (1, 3), (1, 3)) == ["--process-id 1 is given twice"] * 3


@pytest.mark.parametrize("index", [0, 1])
def test_a_missing_process_is_reported(index):
    [message] = rendezvous_errors(0.3, (index, 2))
    missing = rf"process {index} of 2 could not connect to the other processes at 127.0.0.1:\d+ within 0 s"
    assert re.fullmatch(f"{missing}: start all of them", message)


def test_a_port_in_use_is_reported():
    with (
        socket.create_server(("", 0)) as taken,
        pytest.raises(UserError, match=r"could not connect .*: Address already in"),
    ):
        rendezvous(0, 2, "127.0.0.1", taken.getsockname()[1], 1)
