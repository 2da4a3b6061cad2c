"""Runs and their directories: training, checkpoints, metrics, resuming, verifying."""
