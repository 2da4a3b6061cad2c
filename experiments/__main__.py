"""`python -m experiments COMMAND`, which run.sh calls."""

import logging
import os
import signal
import sys

from gan_jax.errors import UserError
from gan_jax.interrupts import SIGNALS, exit_at_once


def start() -> None:
    """Run the command, with what must be settled before the libraries are imported."""
    for number in SIGNALS:  # while they are, which takes seconds, and once all is done
        signal.signal(number, exit_at_once)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # XLA's notes on its cache are not for users
    os.environ["MPLBACKEND"] = "agg"  # no window is opened, and one that matplotlib does not know would stop it
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is not for users
    try:
        from experiments.cli import main
    except UserError:  # a fault of ours where nobody has given anything yet
        raise
    except ValueError as error:  # raised where JAX reads its own variables
        reason = " ".join(str(error).split())
        print(f"run.sh: error: the environment sets what JAX cannot read: {reason}", file=sys.stderr)
        sys.exit(2)
    main()


start()
