"""Compilation of functions that a run's bits depend on."""

from functools import partial

import jax

# `jax.jit`, where XLA on a GPU may not choose sums whose order changes from run to run; elsewhere it is the same.
deterministic_jit = partial(jax.jit, compiler_options={"xla_gpu_deterministic_ops": True})
