"""Benchmarks of training: each case in a process of its own, all cases of a study timed in turn, compared as ratios.

cases     ways to train that are timed
studies   cases that are timed together
workloads a case's work, in JAX, in PyTorch, or as matrix products alone
worker    the process of one case
process   time and memory of this process
timing    the worker processes, timed in turn
startup   time from the command to the first training step
roofline  predicted time of an iteration on machines that are not at hand
ridge     ridge regression timed against scikit-learn's
report    tables and figures
command   ./run.sh bench
"""
