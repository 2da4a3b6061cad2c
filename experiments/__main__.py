"""`python -m experiments COMMAND`, which run.sh calls."""

import logging
import os
import signal

from gan_jax.utils.signals import SIGNALS, exit_at_once


def start() -> None:
    """Prepare the process for the libraries, which read its environment when they are imported, and run the command."""
    for number in SIGNALS:  # before the command has its own handlers, and after it has ended
        signal.signal(number, exit_at_once)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides XLA's notes on its cache
    os.environ["MPLBACKEND"] = "agg"  # opens no window; an unknown backend in the environment would be an error
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # hides its notes on its font cache
    from experiments.cli import main

    main()


start()
