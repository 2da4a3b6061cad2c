"""`python -m gan_jax`, which says where the commands are."""

import sys

if __name__ == "__main__":
    print(
        "gan_jax is a library: import gan_jax. The commands need a checkout: run ./run.sh --help there.",
        file=sys.stderr,
    )
    sys.exit(2)
