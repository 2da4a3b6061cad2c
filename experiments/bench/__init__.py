"""Benchmarks of training: each case in a process of its own, all of a study in turn, as ratios of one run.

arms      what is timed
workloads the arm's work, in JAX, in torch, or as bare matrix products
worker    the process of one arm
timing    the processes in turn, and what came of it
flops     what an iteration costs in operations
studies   which arms belong together
variants  what an epoch costs under each of the changes that ./run.sh improvements studies
startup   from the command to the first training step
roofline  what an iteration would take on machines that are not here
report    tables and figures
command   ./run.sh bench
"""
