"""Examples of plugins, for `./run.sh train --plugin FILE.py`."""
