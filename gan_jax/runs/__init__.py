"""Runs and their directories: training, checkpoints, records, resuming, verifying."""
