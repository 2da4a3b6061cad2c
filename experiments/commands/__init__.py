"""One command a file: what `experiments.cli` calls once the options are in order."""
