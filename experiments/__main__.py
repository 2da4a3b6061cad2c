"""`python -m experiments COMMAND`, which run.sh calls."""

import logging
import os
import signal

from gan_jax.utils.signals import SIGNALS, exit_at_once


def start() -> None:
    """Run the command, with what must be settled before the libraries are imported."""
    for number in SIGNALS:  # until there is a command, and once all is done
        signal.signal(number, exit_at_once)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's notes on its cache are not for users
    os.environ["MPLBACKEND"] = "agg"  # no window is opened, and one that matplotlib does not know would stop it
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is not for users
    from experiments.cli import main

    main()


start()
