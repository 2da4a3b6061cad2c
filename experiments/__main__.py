"""`python -m experiments COMMAND`, which run.sh calls."""

import logging
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before JAX starts: XLA's notes on its cache are not for users
os.environ["MPLBACKEND"] = "agg"  # no window is opened, and one that matplotlib does not know would stop it
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # before it starts: where it keeps its fonts is not for users

try:
    from experiments.cli import main
except ValueError as error:  # raised where JAX reads its own variables
    print(f"run.sh: error: the environment sets what JAX cannot read: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)

main()
