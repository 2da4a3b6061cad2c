"""`python -m experiments COMMAND`, which run.sh calls."""

import os
import signal

from gan_jax.interrupts import SIGNALS, exit_at_once


def start() -> None:
    """Run the command, with what must be settled before the libraries are imported."""
    for number in SIGNALS:  # while they are, which takes seconds, and once all is done
        signal.signal(number, exit_at_once)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's notes on its cache are not for users
    from experiments.cli import main

    main()


start()
