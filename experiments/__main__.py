"""`python -m experiments COMMAND`, which run.sh calls."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before JAX starts: XLA's notes on its cache are not for users

from experiments.cli import main

main()
