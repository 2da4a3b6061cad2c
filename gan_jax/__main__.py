"""`python -m gan_jax`, which says where the commands are."""

import sys

if __name__ == "__main__":
    print("gan_jax is a library: import gan_jax. The commands are its checkout's, ./run.sh --help", file=sys.stderr)
    sys.exit(2)
